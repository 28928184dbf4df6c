// The first generation of the TypeScript SDK: node v1.mjs URL PROSPECT, the key in API_KEY.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { visit } from "./visit.mjs";

const [url, prospect] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${process.env.API_KEY}` };
const client = new Client({ name: "v1", version: "1" });
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
await client.connect(transport);

const callTool = (name, args, onprogress) =>
  client.callTool({ name, arguments: args }, undefined, { onprogress });
const seen = await visit(client, callTool, prospect);
seen.revision = transport.protocolVersion;
process.stdout.write(JSON.stringify(seen));
await client.close();
