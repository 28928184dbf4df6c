// The second generation of the TypeScript SDK: node v2.mjs URL PROSPECT MODE, the key in API_KEY.
// MODE is `legacy` or `auto`; with `auto` it also follows a job until an event tells of its change.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

import { visit } from "./visit.mjs";

const PATIENCE_MS = 60_000;

const [url, prospect, mode] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${process.env.API_KEY}` };
const client = new Client({ name: "v2", version: "1" }, { versionNegotiation: { mode } });
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
await client.connect(transport);

const callTool = (name, args, onprogress) =>
  client.callTool({ name, arguments: args }, { onprogress });
const seen = await visit(client, callTool, prospect);
if (mode === "auto") seen.followed = await follow(`slow@${prospect.split("@")[1]}`);
process.stdout.write(JSON.stringify(seen));
await client.close();

/** Start a job, subscribe to it, and return the status that it has once an event told of a change. */
async function follow(slow) {
  const { structuredContent: begun } = await callTool("prepare_call", { prospect: slow, wait_seconds: 0 });
  const uri = `job://${begun.job_id}`;
  let statuses = [];
  const ended = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no event: ${statuses}`)), PATIENCE_MS);
    client.setNotificationHandler("notifications/resources/updated", async ({ params }) => {
      if (params.uri !== uri) return;
      const read = await client.readResource({ uri }, { cacheMode: "refresh" });
      statuses.push(JSON.parse(read.contents[0].text).status);
      if (statuses.at(-1) !== "working") resolve(clearTimeout(timer));
    });
  });
  const subscription = await client.listen({ resourceSubscriptions: [uri] });
  await ended;
  await subscription.close();
  return [begun.status, ...statuses];
}
