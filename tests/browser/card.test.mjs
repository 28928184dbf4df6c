/* What a rep sees, reads and hears: every state of the card, in every light and width. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as cards from "./cards.mjs";
import { open } from "./stage.mjs";

const { result, refused } = cards;
let stage;
before(async () => (stage = await open()));
after(() => stage.close());

/** Open a page that shows a result. */
async function shown(found, options) {
  const actor = await stage.enter(options);
  await actor.show(found.content ? found : result(found));
  return actor;
}

async function ended(actor) {
  assert.deepEqual(actor.trouble, []);
  await actor.page.close();
}

const headings = (actor) =>
  actor.frame().evaluate(() => [...document.querySelectorAll("h2")].map((one) => one.textContent));

test("the opener comes first, then the points, the person, the company and the others", async () => {
  const actor = await shown(cards.complete);
  assert.equal(await actor.text("h1"), "Sarah Chen");
  assert.equal(await actor.text("#role"), "VP of Sales at Acme Corp");
  assert.deepEqual(await headings(actor), [
    "Open with",
    "Talking points",
    "Ask",
    "Avoid",
    "In short",
    "Person",
    "Acme Corp",
    "Decision makers",
    "Signals",
    "Nobody knew",
    "Sources",
  ]);
  await ended(actor);
});

test("a point names its sources with their age, and an old one is marked", async () => {
  const actor = await shown(cards.complete);
  assert.match(await actor.text(".opener"), /website, 3 days ago$/);
  assert.match(await actor.text(".grid"), /website, 3 days ago · hunter, today/);
  assert.match(await actor.text(".avoid"), /peopledatalabs, 21 months ago$/);
  assert.equal(await actor.text(".avoid .tag.warn"), "21 months ago");
  await ended(actor);
});

test("a doubtful value says how sure it is, that it is a guess, that sources disagree", async () => {
  const actor = await shown(cards.complete);
  assert.match(await actor.text(".rows"), /Austin, Texas, United States 62 % sure a guess/);
  assert.match(await actor.text(".figures"), /\$25M-\$50M 70 % sure sources disagree/);
  await ended(actor);
});

test("the company's figures are told as people say them", async () => {
  const actor = await shown(cards.complete);
  const figures = (await actor.text(".figures")).split("\n").filter(Boolean);
  for (const told of ["Series B, $34M", "Sep 1, 2026", "240", "2015"])
    assert.ok(figures.includes(told), told);
  await ended(actor);
});

test("the head tells how fresh the card is, where it is from and what it cost", async () => {
  const actor = await shown({ ...cards.complete, served_from: "stale_cache" });
  assert.equal(
    await actor.text("#asof"),
    "As of 12 min ago · from an older card · 4 credits spent",
  );
  await ended(actor);
});

test("what the call is for is told beside whom it is with", async () => {
  const actor = await shown({ ...cards.complete, goal: "Book a demo" });
  assert.equal(await actor.text("#goal"), "For this call: Book a demo");
  await ended(actor);
});

test("a full card names the sources of each field", async () => {
  const actor = await shown(cards.full);
  assert.match(await actor.text(".rows"), /VP of Sales 95 % sure\s+website, 3 days ago/);
  assert.match(await actor.text(".makers"), /dana\.okafor@acme\.example\s+website, 3 days ago · dns, yesterday$/);
  assert.match(await actor.text(".rows"), /Status\s+renamed, now Acme Field\s/);
  assert.match(await actor.text(".rows"), /Elsewhere\s+x\s+Addresses\s+12 Anvil Way, Austin, Texas$/);
  assert.equal(await actor.button("Show the full card").count(), 0);
  await ended(actor);
});

test("a short card tells what it leaves out, and gets it for nothing when asked", async () => {
  const actor = await shown(cards.complete, {
    answers: { get_battlecard: [{ result: result(cards.full) }] },
  });
  assert.match(
    await actor.text(".foot"),
    /Not shown here: 2 more decision makers, 1 more signals\./,
  );
  await actor.button("Show the full card").click();
  await actor.settled();
  assert.deepEqual(await actor.calls(), [
    { name: "get_battlecard", arguments: { prospect: cards.SARAH, detail: "full" } },
  ]);
  assert.match(await actor.text(".rows"), /VP of Sales 95 % sure/);
  await ended(actor);
});

const STATES = {
  complete: [cards.complete, /The card is complete\./, "Refresh"],
  partial: [
    cards.partial,
    /Some providers did not answer\.[^]*Person: no answer[^]*Nobody knew\s+company legal name\s+Still open\s+full name, title, e-mail, LinkedIn/,
    "Refresh",
  ],
  ambiguous: [cards.ambiguous, /Several people fit, so nobody was guessed\./, "Refresh"],
  not_found: [cards.notFound, /Nobody who was asked knows this prospect\.$/, "Try again"],
  provider_error: [
    cards.providerError,
    /some providers did not answer\.\s+Try again after 10:15\sAM\./,
    "Try again",
  ],
  budget_exhausted: [
    cards.exhausted,
    /The credits allowed were spent before anything was found\./,
    "Try again",
  ],
  cancelled: [
    cards.cancelled,
    /This lookup was cancelled before anything was known\.\s/,
    "Try again",
  ],
  suppressed: [cards.suppressed, /do-not-enrich list/, ""],
  working: [
    cards.working,
    /Being looked up\.[^]*40 % done[^]*Person: looking\s+Company: done\s+Decision makers: nobody knew\s+Signals: waiting[^]*Acme Corp/,
    "Working…",
  ],
  "a tool's error": [
    refused("Error executing tool prepare_call: Give an e-mail address."),
    /^sarah\.chen@acme\.example\s+Try again\s+Give an e-mail address\.$/,
    "Try again",
  ],
  "a result without structure": [
    { content: [{ type: "text", text: "# Sarah\n<b>VP</b>" }] },
    /# Sarah\n<b>VP<\/b>/,
    "Try again",
  ],
};
for (const [name, [found, told, action]] of Object.entries(STATES))
  test(`the state is told in words, and what can be done: ${name}`, async () => {
    const actor = await shown(found);
    assert.match(await actor.text(), told);
    assert.equal(await actor.text("#again"), action);
    await ended(actor);
  });

test("before there is a card, the page says what it waits for", async () => {
  const actor = await stage.enter();
  assert.equal(await actor.text("#state"), "Waiting for the request.");
  await actor.input();
  await actor.settled();
  assert.match(await actor.text(), /^sarah\.chen@acme\.example\s+Waiting for the card\.$/);
  await actor.send({ method: "ui/notifications/tool-cancelled", params: { reason: "user" } });
  await actor.settled();
  assert.match(await actor.text("#state"), /The assistant stopped waiting\./);
  assert.equal(await actor.text("#again"), "Try again");
  await ended(actor);
});

test("who is on the do-not-enrich list is not shown, whatever was known before", async () => {
  const actor = await shown(cards.complete);
  await actor.show(result({ ...cards.suppressed, card: cards.card }));
  assert.doesNotMatch(await actor.text(), /Sarah|Acme|Austin/);
  await ended(actor);
});

test("a candidate is looked up when chosen", async () => {
  const alexis = {
    ...cards.complete,
    card: { ...cards.card, person: { full_name: "Alexis Morgan" } },
  };
  const actor = await shown(cards.ambiguous, {
    answers: { prepare_call: [{ result: result(alexis) }] },
  });
  await actor.button("Look up Alexis Morgan").click();
  await actor.settled();
  assert.deepEqual((await actor.calls())[0].arguments, { prospect: "Alexis Morgan, Acme Corp" });
  assert.equal(await actor.text("h1"), "Alexis Morgan");
  await ended(actor);
});

// --- light, width, motion ------------------------------------------------------------------------

const paper = (actor) =>
  actor.frame().evaluate(() => getComputedStyle(document.body).backgroundColor);

test("the theme is the host's, and the system's where the host has none", async () => {
  const actor = await shown(cards.complete, { context: { theme: "dark" } });
  assert.equal(await paper(actor), "rgb(22, 24, 27)");
  await actor.send({ method: "ui/notifications/host-context-changed", params: { theme: "light" } });
  await actor.settled();
  assert.equal(await paper(actor), "rgb(255, 255, 255)");
  await ended(actor);
  const other = await shown(cards.complete, { context: { theme: undefined }, colorScheme: "dark" });
  assert.equal(await paper(other), "rgb(22, 24, 27)");
  await ended(other);
});

test("the host's colours are worn as a pair or not at all", async () => {
  const ink = "light-dark(#222222, #eeeeee)";
  const pair = {
    "--color-background-primary": "light-dark(#fafaf0, #101010)",
    "--color-text-primary": ink,
    "--other": "1px",
  };
  const actor = await shown(cards.complete, { context: { styles: { variables: pair } } });
  assert.equal(await paper(actor), "rgb(250, 250, 240)");
  assert.equal(
    await actor.frame().evaluate(() => document.documentElement.style.getPropertyValue("--other")),
    "",
  );
  await ended(actor);
  const half = await shown(cards.complete, {
    context: { styles: { variables: { "--color-text-primary": ink } } },
  });
  assert.equal(
    await half.frame().evaluate(() => getComputedStyle(document.body).color),
    "rgb(26, 29, 33)",
  );
  await ended(half);
});

/** Return every text whose contrast with what lies behind it is below `least`. */
function faint(least) {
  const parts = (colour) => {
    const numbers = colour.match(/[\d.]+/g).map(Number);
    return colour.startsWith("color(")
      ? numbers.map((one, at) => (at < 3 ? 255 * one : one))
      : numbers;
  };
  const light = (colour) => {
    const [r, g, b] = colour
      .map((one) => one / 255)
      .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || node.tagName === "SCRIPT" || !node.checkVisibility())
      continue;
    const [one, two] = [light(parts(getComputedStyle(node).color)), light(behind(node))].sort(
      (a, b) => b - a,
    );
    const ratio = (one + 0.05) / (two + 0.05);
    if (ratio < least) found.push(`${walk.currentNode.data.trim()}: ${ratio.toFixed(2)}`);
  }
  return found;
}

for (const theme of ["light", "dark"])
  test(`every text stands out from what is behind it: ${theme}`, async () => {
    const actor = await stage.enter({ context: { theme }, reducedMotion: "reduce" });
    for (const found of [
      cards.complete,
      cards.full,
      cards.refreshed,
      cards.working,
      cards.partial,
      cards.ambiguous,
      cards.providerError,
    ]) {
      await actor.show(result({ ...found, job_id: undefined }), {
        prospect: `${found.status}@acme.example`,
      });
      assert.deepEqual(await actor.frame().evaluate(faint, 4.5), [], found.status);
    }
    await ended(actor);
  });

const overflow = (actor) =>
  actor
    .frame()
    .evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

for (const width of [320, 500, 760, 1400])
  test(`nothing is cut off at ${width} px, however long the texts`, async () => {
    const actor = await stage.enter({ width });
    for (const found of [
      cards.complete,
      cards.longTexts,
      cards.rightToLeft,
      cards.ambiguous,
      cards.working,
      cards.partial,
    ]) {
      await actor.show(result(found), { prospect: `${"x".repeat(200)}@${found.status}.example` });
      assert.equal(await overflow(actor), 0, found.status);
    }
    await ended(actor);
  });

test("a wide card has two columns, a narrow one has one", async () => {
  const lefts = (actor) =>
    actor
      .frame()
      .evaluate(
        () =>
          new Set(
            [...document.querySelectorAll(".grid > div")].map((one) =>
              Math.round(one.getBoundingClientRect().left),
            ),
          ).size,
      );
  for (const [width, columns] of [
    [1000, 2],
    [320, 1],
  ]) {
    const actor = await shown(cards.complete, { width });
    assert.equal(await lefts(actor), columns);
    await ended(actor);
  }
});

test("nothing moves for those who asked for less motion", async () => {
  const moving = (actor) => actor.frame().evaluate(() => document.getAnimations().length);
  const calm = await shown(cards.working, { reducedMotion: "reduce" });
  assert.equal(await moving(calm), 0);
  await ended(calm);
  const other = await shown(cards.working, { reducedMotion: "no-preference" });
  assert.notEqual(await moving(other), 0);
  await ended(other);
});

test("text that runs from right to left keeps to its place, and nothing can turn other text round", async () => {
  const actor = await shown(cards.rightToLeft);
  const role = await actor
    .frame()
    .evaluate(() =>
      [...document.querySelectorAll("#role bdi")].map((one) => [
        one.textContent,
        getComputedStyle(one).unicodeBidi,
        one.matches(":dir(rtl)"),
      ]),
    );
  assert.deepEqual(role, [
    ["مديرة المبيعات", "isolate", true],
    ["شركة أكمي (Acme)", "isolate", true],
  ]);
  assert.match(await actor.text(), /evil\.exe and after/);
  assert.doesNotMatch(await actor.text(), /[\u202a-\u202e\u2066-\u2069]/);
  await ended(actor);
});

// --- keyboard and screen reader --------------------------------------------------------------------

test("everything that can be done is done by keyboard, and the focus is seen", async () => {
  const actor = await shown(cards.complete, {
    answers: { prepare_call: [{ result: result(cards.refreshed) }] },
  });
  const focused = () =>
    actor
      .frame()
      .evaluate(() => [
        document.activeElement.textContent,
        getComputedStyle(document.activeElement).outlineStyle,
      ]);
  await actor.page.keyboard.press("Tab");
  assert.deepEqual(await focused(), ["Refresh", "solid"]);
  await actor.page.keyboard.press("Tab");
  assert.deepEqual(await focused(), ["website", "solid"]);
  await actor.page.keyboard.press("Enter");
  await actor.until("ui/open-link");
  await actor.page.keyboard.press("Shift+Tab");
  await actor.page.keyboard.press("Space");
  await actor.settled();
  assert.match(
    await actor.text(),
    /Changed since last time\s+Title: VP of Sales, was Director of Sales\s+Company employee count: 240, was 212\s+Phones: no longer known, was \+1 202-555-0100/,
  );
  assert.deepEqual(await focused(), ["Refresh", "solid"]);
  await ended(actor);
});

test("the focus stays on its link while the card grows", async () => {
  const actor = await shown(cards.working, {
    answers: { get_enrichment: [{ result: result(cards.complete) }] },
  });
  await actor.app.getByRole("link", { name: "Company page" }).focus();
  await actor.pass(2);
  assert.equal(await actor.text("h1"), "Sarah Chen");
  assert.equal(
    await actor.frame().evaluate(() => document.activeElement.textContent),
    "Company page",
  );
  await ended(actor);
});

test("a screen reader gets headings, names, labels and what has changed", async () => {
  const actor = await shown(cards.working);
  assert.equal(
    await actor.app.getByRole("status").innerText(),
    "Being looked up. More appears here as soon as it is known.",
  );
  assert.equal(await actor.app.getByRole("progressbar", { name: "40 % done" }).count(), 1);
  assert.equal(
    await actor.app.getByRole("list", { name: "Sections" }).getByRole("listitem").count(),
    4,
  );
  assert.equal(await actor.app.getByRole("heading", { level: 1 }).count(), 1);
  assert.equal(await actor.app.getByRole("main").count(), 1);
  await actor.show(result(cards.complete));
  assert.equal(await actor.app.getByRole("status").innerText(), "The card is complete.");
  assert.equal(await actor.frame().evaluate(() => document.documentElement.lang), "en");
  await ended(actor);
});
