/* Pictures of every state, for a person to look at: node shots.mjs FOLDER */

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import * as cards from "./cards.mjs";
import { open } from "./stage.mjs";

const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
const { enter, close } = await open();
const { result, refused } = cards;

const SHOTS = {
  complete: {
    shown: result({ ...cards.complete, goal: "Book a demo before the end of the quarter" }),
  },
  full: { shown: result(cards.full) },
  refreshed: { shown: result(cards.refreshed) },
  working: { shown: result(cards.working) },
  begun: { shown: result(cards.justBegun) },
  partial: { shown: result(cards.partial) },
  ambiguous: { shown: result(cards.ambiguous) },
  not_found: { shown: result(cards.notFound) },
  provider_error: { shown: result(cards.providerError) },
  cancelled: { shown: result(cards.cancelled) },
  suppressed: { shown: result(cards.suppressed) },
  exhausted: { shown: result(cards.exhausted) },
  tool_error: {
    shown: refused(
      "Error executing tool prepare_call: This is not an e-mail address. Call the tool again with an e-mail address, a domain, a LinkedIn URL or 'Name, Company'.",
    ),
  },
  plain: { shown: { content: [{ type: "text", text: "# Sarah Chen\nVP of Sales at Acme Corp" }] } },
  waiting_input: {},
  waiting_result: { then: (actor) => actor.input() },
  tool_cancelled: {
    then: async (actor) => {
      await actor.input();
      await actor.send({ method: "ui/notifications/tool-cancelled", params: { reason: "user" } });
    },
  },
  refreshing: {
    shown: result(cards.complete),
    answers: { prepare_call: [{ result: result({ ...cards.working, job_id: "job_2" }) }] },
    then: (actor) => actor.button("Refresh").click(),
  },
  refresh_failed: {
    shown: result(cards.complete),
    answers: { prepare_call: [{ result: result({ ...cards.providerError, job_id: "job_2" }) }] },
    then: (actor) => actor.button("Refresh").click(),
  },
  confirm: {
    shown: result(cards.complete),
    answers: { prepare_call: [{ result: result(cards.priced) }] },
    then: (actor) => actor.button("Refresh").click(),
  },
  long: { shown: result(cards.longTexts) },
  rtl: { shown: result(cards.rightToLeft) },
  hostile: { shown: result(cards.spoiltResult(cards.full, cards.HARM[1])) },
  focus: {
    shown: result(cards.complete),
    then: async (actor) => {
      await actor.app.locator("body").press("Tab");
    },
  },
};
const HOST_STYLE = {
  "--color-background-primary": "light-dark(#faf9f5, #262624)",
  "--color-text-primary": "light-dark(#1f1e1d, #faf9f5)",
  "--font-sans": "Georgia, serif",
  "--border-radius-md": "12px",
};
const LOOKS = {
  light: { width: 1000 },
  dark: { width: 1000, context: { theme: "dark" } },
  narrow: { width: 320 },
  host: { width: 720, context: { theme: "dark", styles: { variables: HOST_STYLE } } },
};
const EVERYWHERE = ["complete", "working", "ambiguous", "long", "rtl", "provider_error"];

for (const [name, { shown, answers, then }] of Object.entries(SHOTS))
  for (const [look, options] of Object.entries(LOOKS)) {
    if (look !== "light" && !EVERYWHERE.includes(name)) continue;
    const actor = await enter({ ...options, answers, fits: true });
    if (shown) await actor.show(shown);
    await then?.(actor);
    await actor.settled();
    await actor.page.waitForFunction(() => {
      const last = host.heard.findLast((one) => one.method === "ui/notifications/size-changed");
      return last && document.getElementById("app").clientHeight === last.params.height;
    });
    const height = await actor.page.evaluate(() => document.getElementById("app").clientHeight);
    await actor.page.setViewportSize({ width: options.width, height });
    await new Promise((painted) => setTimeout(painted, 200));
    await actor.page.screenshot({ path: join(folder, `${name}-${look}.png`) });
    if (actor.trouble.length) console.error(name, look, actor.trouble);
    await actor.page.close();
  }
await close();
