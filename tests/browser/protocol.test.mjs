/* How the app and its host talk: the handshake, calls of tools, following a job, the end. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as cards from "./cards.mjs";
import { open } from "./stage.mjs";

const { result, refused, SARAH } = cards;
const REFRESH = {
  name: "prepare_call",
  arguments: { prospect: SARAH, refresh: true, detail: "full", wait_seconds: 5 },
};
const LOOK = { name: "get_enrichment", arguments: { job_id: "job_1", detail: "full" } };

let stage;
before(async () => (stage = await open()));
after(() => stage.close());

/** Open a page that shows a card; `answers` are what the tools will return, in turn. */
async function shown(found, answers = {}, options = {}) {
  const answer = (one) =>
    one.status ? { result: result(one) } : one.error ? one : { result: one };
  const wrapped = Object.fromEntries(
    Object.entries(answers).map(([name, some]) => [name, some.map(answer)]),
  );
  const actor = await stage.enter({ ...options, answers: wrapped });
  await actor.show(result(found));
  return actor;
}

async function ended(actor) {
  assert.deepEqual(actor.trouble, []);
  await actor.page.close();
}

test("the app introduces itself once, by the agreed version, before all else", async () => {
  const actor = await stage.enter();
  const [first, second] = await actor.page.evaluate(() => host.heard);
  assert.equal(first.method, "ui/initialize");
  assert.equal(first.params.protocolVersion, "2026-01-26");
  assert.equal(first.params.appInfo.name, "warmcall-battlecard");
  assert.deepEqual(first.params.appCapabilities, {
    availableDisplayModes: ["inline", "fullscreen"],
  });
  assert.equal(second.method, "ui/notifications/initialized");
  await ended(actor);
});

test("the host is told the size of the card whenever it changes", async () => {
  const actor = await shown(cards.complete);
  await actor.until("ui/notifications/size-changed", 2);
  const sizes = (await actor.heard("ui/notifications/size-changed")).map((one) => one.params);
  const height = await actor
    .frame()
    .evaluate(() => Math.ceil(document.documentElement.getBoundingClientRect().height));
  assert.deepEqual(sizes.at(-1), { width: 1000, height });
  assert.ok(sizes[0].height < height);
  await ended(actor);
});

test("a link is opened by the host, and the page stays where it is", async () => {
  const actor = await shown(cards.complete);
  await actor.answer("ui/open-link", { result: {} });
  await actor.app.getByRole("link", { name: "Acme Corp launches an open API" }).click();
  await actor.app.getByRole("link", { name: "Marcus Webb" }).click({ button: "middle" });
  await actor.app.getByRole("link", { name: "Open as a page" }).click({ modifiers: ["Control"] });
  await actor.until("ui/open-link", 3);
  assert.deepEqual(
    (await actor.heard("ui/open-link")).map((one) => one.params.url),
    [
      "https://acme.example/news/product",
      "https://linkedin.example/in/marcus-webb",
      "https://warmcall.example/card/token",
    ],
  );
  await ended(actor);
});

test("where the host opens no links, the address is shown", async () => {
  const actor = await shown(cards.complete);
  await actor.answer("ui/open-link", { error: { code: -32000, message: "denied" } });
  await actor.app.getByRole("link", { name: "Marcus Webb" }).click();
  await actor.settled();
  assert.match(
    await actor.text("#state"),
    /could not be opened from here: https:\/\/linkedin\.example\/in\/marcus-webb/,
  );
  await ended(actor);
});

test("Refresh asks the providers again, is busy meanwhile, and shows what changed", async () => {
  const actor = await shown(cards.complete);
  await actor.button("Refresh").click();
  await actor.settled();
  assert.deepEqual(await actor.calls(), [REFRESH]);
  assert.equal(await actor.text("#again"), "Working…");
  assert.equal(await actor.app.locator("#again").getAttribute("aria-disabled"), "true");
  assert.match(await actor.text(), /Refreshing\.[^]*Series B in September/);
  await actor.app.locator("#again").click({ force: true });
  await actor.settled();
  assert.equal((await actor.calls()).length, 1);
  await actor.reply("tools/call", { result: result(cards.refreshed) });
  await actor.settled();
  assert.match(await actor.text(), /Changed since last time/);
  assert.equal(await actor.text("#again"), "Refresh");
  await ended(actor);
});

const FAILURES = {
  "the host refuses": [
    { error: { code: -32000, message: "Denied by the user" } },
    /This did not work: Denied by the user/,
  ],
  "the tool refuses": [
    refused("Error executing tool prepare_call: No lookups are left this month."),
    /No lookups are left this month\./,
  ],
  "no provider answers": [
    { ...cards.providerError, job_id: "job_2" },
    /The refresh failed: the providers did not answer\. Try again after 10:15\sAM\./,
  ],
  "it is cancelled": [{ ...cards.cancelled, job_id: "job_2" }, /The refresh was cancelled\./],
};
for (const [name, [answer, told]] of Object.entries(FAILURES))
  test(`a refresh that fails leaves the card from before: ${name}`, async () => {
    const actor = await shown(cards.complete, { prepare_call: [answer] });
    await actor.button("Refresh").click();
    await actor.settled();
    assert.match(await actor.text("#state"), told);
    assert.match(await actor.text("#state"), /The card below is the one from before\./);
    assert.match(await actor.text(".opener"), /Series B in September/);
    assert.equal(await actor.text("#again"), "Refresh");
    await ended(actor);
  });

test("a refresh that gets no answer at all ends as a failure", async () => {
  const actor = await shown(cards.complete);
  await actor.button("Refresh").click();
  await actor.pass(121);
  assert.match(await actor.text("#state"), /This did not work: no answer in 120 seconds\./);
  await ended(actor);
});

test("a refresh that costs more waits for a yes", async () => {
  const actor = await shown(cards.complete, {
    prepare_call: [cards.priced, cards.priced, cards.refreshed],
  });
  await actor.button("Refresh").click();
  await actor.settled();
  assert.match(await actor.text("#ask"), /may cost up to 12 credits\./);
  assert.equal(await actor.frame().evaluate(() => document.activeElement.id), "ask");
  await actor.button("Not now").click();
  await actor.settled();
  assert.equal((await actor.calls()).length, 1);
  assert.equal(await actor.frame().evaluate(() => document.activeElement.id), "again");
  await actor.button("Refresh").click();
  await actor.settled();
  await actor.button("Spend them").click();
  await actor.settled();
  assert.deepEqual((await actor.calls()).at(-1), {
    ...REFRESH,
    arguments: { ...REFRESH.arguments, confirm: true },
  });
  assert.match(await actor.text(), /Changed since last time/);
  assert.equal(await actor.app.locator("#ask").isVisible(), false);
  await ended(actor);
});

test("a price that the assistant was told is asked here too", async () => {
  const actor = await stage.enter({
    answers: { prepare_call: [{ result: result(cards.complete) }] },
  });
  await actor.show(result(cards.priced), { prospect: SARAH, refresh: true, goal: "Book a demo" });
  await actor.button("Spend them").click();
  await actor.settled();
  assert.deepEqual((await actor.calls()).at(-1).arguments, {
    ...REFRESH.arguments,
    goal: "Book a demo",
    confirm: true,
  });
  assert.equal(await actor.text("h1"), "Sarah Chen");
  await ended(actor);
});

test("who says no at the host keeps the card from before", async () => {
  const actor = await shown(cards.complete, { prepare_call: [cards.declined] });
  await actor.button("Refresh").click();
  await actor.settled();
  assert.match(
    await actor.text("#state"),
    /^Nothing was spent\. The card below is the one from before\.$/,
  );
  await ended(actor);
});

// --- following a job --------------------------------------------------------------------------------

test("a job is asked for with growing pauses until it ends, and no longer", async () => {
  const actor = await shown(cards.justBegun, {
    get_enrichment: [cards.justBegun, cards.working, cards.working, cards.complete],
  });
  const asked = [];
  for (let second = 0; second < 40; second += 1) {
    const before = (await actor.calls()).length;
    await actor.pass(1);
    if ((await actor.calls()).length > before) asked.push(second);
  }
  assert.equal(asked.length, 4);
  const pauses = asked.slice(1).map((at, index) => at - asked[index]);
  assert.deepEqual(
    pauses,
    [...pauses].sort((one, other) => one - other),
  );
  assert.ok(pauses.at(-1) > pauses[0]);
  assert.deepEqual((await actor.calls())[0], LOOK);
  assert.equal(await actor.text("h1"), "Sarah Chen");
  await ended(actor);
});

test("what is known so far appears section by section", async () => {
  const actor = await shown(cards.justBegun, { get_enrichment: [cards.working] });
  assert.match(await actor.text(), /0 % done/);
  await actor.pass(2);
  assert.match(await actor.text(), /40 % done[^]*Company: done[^]*They run HubSpot/);
  await ended(actor);
});

test("a refresh that takes its time keeps the old card until the new one is whole", async () => {
  const later = { ...cards.working, job_id: "job_2" };
  const actor = await shown(cards.complete, {
    prepare_call: [later],
    get_enrichment: [later, cards.refreshed],
  });
  await actor.button("Refresh").click();
  await actor.settled();
  assert.match(
    await actor.text(),
    /Refreshing\. The card below is the one from before\.[^]*40 % done[^]*Series B in September/,
  );
  await actor.pass(2);
  await actor.pass(4);
  assert.match(await actor.text(), /Changed since last time/);
  assert.equal(await actor.text("#again"), "Refresh");
  await ended(actor);
});

test("a job that cannot be asked for is left alone after three tries, until the rep says so", async () => {
  const actor = await shown(cards.working, {
    get_enrichment: [{ error: { code: -32000, message: "gone" } }],
  });
  for (let second = 0; second < 30; second += 1) await actor.pass(1);
  assert.equal((await actor.calls()).length, 3);
  assert.match(
    await actor.text("#state"),
    /The job could not be asked for\. It goes on without this page\./,
  );
  await actor.answer("get_enrichment", { result: result(cards.complete) });
  await actor.button("Check again").click();
  await actor.pass(2);
  assert.equal(await actor.text("h1"), "Sarah Chen");
  await ended(actor);
});

test("a job that does not end is not asked for all day", async () => {
  const actor = await shown(cards.working, { get_enrichment: [cards.working] });
  for (let minute = 0; minute < 20 * 3; minute += 1) await actor.pass(20);
  assert.equal((await actor.calls()).length, 30);
  assert.equal(await actor.text("#again"), "Check again");
  await ended(actor);
});

test("a host that calls no tools is asked for none", async () => {
  const actor = await shown(cards.working, {}, { capabilities: { openLinks: {} } });
  await actor.pass(60);
  assert.deepEqual(await actor.calls(), []);
  assert.match(await actor.text("#state"), /Ask in the chat for the rest\./);
  assert.equal(await actor.app.getByRole("button").count(), 0);
  await ended(actor);
});

test("the end is answered, and after it the app is silent", async () => {
  const actor = await shown(cards.working, { get_enrichment: [cards.working] });
  await actor.send({ id: 7, method: "ui/resource-teardown", params: { reason: "closed" } });
  await actor.page.waitForFunction(() =>
    host.heard.some((one) => one.id === 7 && one.method === undefined),
  );
  const said = await actor.page.evaluate(() => host.heard.length);
  assert.deepEqual(await actor.page.evaluate(() => host.heard.at(-1)), {
    jsonrpc: "2.0",
    id: 7,
    result: {},
  });
  await actor.page.clock.runFor(120_000);
  assert.equal(await actor.page.evaluate(() => host.heard.length), said);
  await ended(actor);
});

// --- who may speak -----------------------------------------------------------------------------------

test("only the host is listened to", async () => {
  const actor = await shown(cards.complete);
  await actor.page.evaluate(
    (message) => {
      const other = document.body.appendChild(document.createElement("iframe"));
      other.contentWindow.eval(
        `parent.document.getElementById("app").contentWindow.postMessage(${JSON.stringify(message)}, "*")`,
      );
    },
    { jsonrpc: "2.0", method: "ui/notifications/tool-result", params: result(cards.notFound) },
  );
  await actor.settled();
  assert.equal(await actor.text("h1"), "Sarah Chen");
  await ended(actor);
});

test("what the app does not know does it no harm", async () => {
  const actor = await shown(cards.complete);
  await actor.page.evaluate(
    (strange) =>
      strange.forEach((one) => document.getElementById("app").contentWindow.postMessage(one, "*")),
    [
      null,
      1,
      "text",
      [],
      {},
      { jsonrpc: "1.0", method: "ui/notifications/tool-result" },
      { jsonrpc: "2.0", method: "ui/notifications/news", params: {} },
      { jsonrpc: "2.0", method: "constructor" },
      {
        jsonrpc: "2.0",
        method: "ui/notifications/host-context-changed",
        params: {
          theme: 1,
          locale: "no such language",
          timeZone: "Nowhere/None",
          styles: { variables: { "--font-sans": 3 } },
        },
      },
      { jsonrpc: "2.0", id: 99, result: {} },
      { jsonrpc: "2.0", id: 12, method: "toString" },
    ],
  );
  await actor.settled();
  assert.deepEqual(
    (await actor.page.evaluate(() => host.heard)).filter((one) => one.id === 12),
    [{ jsonrpc: "2.0", id: 12, error: { code: -32601, message: "Method not found" } }],
  );
  assert.equal(await actor.text("h1"), "Sarah Chen");
  await ended(actor);
});

test("an echo of the app's own call changes nothing", async () => {
  const actor = await shown(cards.complete);
  await actor.button("Refresh").click();
  await actor.input(REFRESH.arguments);
  await actor.settled();
  assert.match(await actor.text(), /Refreshing\.[^]*Series B in September/);
  await actor.send({ method: "ui/notifications/tool-result", params: result(cards.refreshed) });
  await actor.reply("tools/call", { result: result(cards.refreshed) });
  await actor.settled();
  assert.match(await actor.text(), /Changed since last time/);
  await ended(actor);
});

test("an answer about the prospect before does not reach the card of the next", async () => {
  const actor = await shown(cards.complete);
  await actor.button("Refresh").click();
  await actor.input({ prospect: "other@acme.example" });
  await actor.reply("tools/call", { result: result(cards.refreshed) });
  await actor.settled();
  assert.match(await actor.text(), /^other@acme\.example\s+Waiting for the card\.$/);
  await ended(actor);
});

test("without a host the page says what it is", async () => {
  const actor = await stage.enter();
  await actor.page.goto(actor.frame().url());
  assert.match(
    await actor.page.locator("main").innerText(),
    /This card is shown by an assistant that knows MCP Apps\./,
  );
  await ended(actor);
});
