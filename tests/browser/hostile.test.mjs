/* Strangers write what a card says. Nothing of it runs, loads or leads anywhere but to http(s). */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as cards from "./cards.mjs";
import { open } from "./stage.mjs";

const { result } = cards;
let stage;
before(async () => (stage = await open()));
after(() => stage.close());

const EVERY = {
  full: cards.full,
  refreshed: cards.refreshed,
  ambiguous: cards.ambiguous,
  partial: cards.partial,
  working: cards.working,
  providerError: cards.providerError,
};
const OWN = ["HTML", "HEAD", "META", "TITLE", "STYLE", "BODY", "SCRIPT"];
const SHOWN = [
  "MAIN",
  "HEADER",
  "DIV",
  "SECTION",
  "H1",
  "H2",
  "P",
  "SPAN",
  "BDI",
  "TIME",
  "A",
  "BUTTON",
  "UL",
  "LI",
  "DL",
  "DT",
  "DD",
  "PROGRESS",
];
const ATTRIBUTES = [
  "id",
  "class",
  "href",
  "title",
  "rel",
  "datetime",
  "tabindex",
  "type",
  "role",
  "hidden",
  "dir",
  "max",
  "value",
  "data-key",
];

/** Return what is in the page that a card never makes. */
const found = (actor) =>
  actor.frame().evaluate(
    ([own, tags, names]) => {
      const all = [...document.querySelectorAll("*")];
      return {
        harmed: window.harmed,
        scripts: document.scripts.length,
        tags: all
          .map((one) => one.tagName)
          .filter((tag) => !own.includes(tag) && !tags.includes(tag)),
        attributes: all
          .filter((one) => !own.includes(one.tagName))
          .flatMap((one) => one.getAttributeNames())
          .filter((name) => !names.includes(name) && !name.startsWith("aria-")),
        links: [...document.links]
          .filter(
            (one) => !/^https?:$/.test(one.protocol) || one.username || one.host.includes("evil"),
          )
          .map((one) => one.href),
      };
    },
    [OWN, SHOWN, ATTRIBUTES],
  );
const CLEAN = { harmed: undefined, scripts: 1, tags: [], attributes: [], links: [] };

for (const harm of cards.HARM)
  test(`text in any field stays text: ${harm}`, async () => {
    const actor = await stage.enter();
    for (const [name, card] of Object.entries(EVERY)) {
      await actor.show(result(cards.spoiltResult(card, harm)), { prospect: `${name} ${harm}` });
      assert.deepEqual(await found(actor), CLEAN, name);
      assert.ok((await actor.text()).includes(harm), name);
    }
    await actor.show({ content: [{ type: "text", text: harm }] });
    await actor.show({ content: [{ type: "text", text: harm }], isError: true });
    assert.deepEqual(await found(actor), CLEAN);
    assert.deepEqual(actor.trouble, []);
    await actor.page.close();
  });

const ADDRESSES = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  " javascript:alert(1)",
  "java\tscript:alert(1)",
  "data:text/html,x",
  "vbscript:x",
  "blob:https://a.example/1",
  "file:///etc/passwd",
  "mailto:a@b.example",
  "tel:1",
  "//evil.example/",
  "/evil",
  "https:evil.example",
  "https://acme.example@evil.example/",
  "https://user:pw@acme.example/",
  'https://acme.example/"onclick="alert(1)',
  "https://a b.example/",
  "http://[::1",
  `https://acme.example/${"x".repeat(3000)}`,
];

test("an address that is not plain http(s) is no link", async () => {
  const actor = await stage.enter();
  for (const address of ADDRESSES) {
    const links = (one, name) =>
      Array.isArray(one)
        ? one.map((each) => links(each))
        : one && typeof one === "object"
          ? Object.fromEntries(Object.entries(one).map(([key, each]) => [key, links(each, key)]))
          : /url$/.test(name)
            ? address
            : one;
    const card = {
      ...cards.full,
      card: {
        ...cards.full.card,
        company: {
          ...cards.card.company,
          domain: address,
          socials: [{ network: "x", url: address }],
        },
        candidates: cards.ambiguous.card.candidates,
      },
    };
    await actor.show(result(links(card)), { prospect: "eve@evil.example" });
    const made = await actor.frame().evaluate(() => [...document.links].map((one) => one.href));
    assert.deepEqual(made, [], address);
  }
  assert.deepEqual(await actor.heard("ui/open-link"), []);
  assert.deepEqual(actor.trouble, []);
  await actor.page.close();
});

const JUNK = [null, 0, 1e309, -1, true, "", "junk", [], {}, [[]], [null], { a: { b: [1] } }];
const NONSENSE = /undefined|null|NaN|Infinity|\[object/;

test("a part of the wrong shape is left out, and the rest is shown", async () => {
  const actor = await stage.enter();
  const { card } = cards.full;
  const spoilt = Object.keys(card).flatMap((name) =>
    JUNK.map((junk) => ({ structuredContent: { ...cards.full, card: { ...card, [name]: junk } } })),
  );
  spoilt.push(
    ...Object.keys(cards.full).flatMap((name) =>
      JUNK.map((junk) => ({ structuredContent: { ...cards.full, [name]: junk } })),
    ),
  );
  spoilt.push(...JUNK.map((junk) => ({ structuredContent: junk, content: junk })));
  await actor.page.evaluate(
    (all) => all.forEach((params) => host.send({ method: "ui/notifications/tool-result", params })),
    spoilt,
  );
  await actor.show(result(cards.complete));
  assert.equal(await actor.text("h1"), "Sarah Chen");
  assert.deepEqual(actor.trouble, []);
  for (const junk of JUNK) {
    await actor.show(
      result({
        ...cards.full,
        card: {
          ...Object.fromEntries(Object.keys(card).map((name) => [name, junk])),
          person: card.person,
        },
      }),
      { prospect: "junk@acme.example" },
    );
    assert.doesNotMatch(await actor.text(), NONSENSE, JSON.stringify(junk));
    assert.equal(await actor.text("h1"), "Sarah Chen");
  }
  assert.deepEqual(actor.trouble, []);
  await actor.page.close();
});

test("a member of the wrong shape inside a part does no harm either", async () => {
  const actor = await stage.enter();
  const spoil = (one, junk) =>
    Array.isArray(one)
      ? one.map((each) => (each && typeof each === "object" ? spoil(each, junk) : junk))
      : Object.fromEntries(Object.keys(one).map((key) => [key, junk]));
  const parts = Object.entries(cards.full.card).filter(
    ([, part]) => part && typeof part === "object",
  );
  for (const junk of JUNK) {
    const card = Object.fromEntries(parts.map(([name, part]) => [name, spoil(part, junk)]));
    await actor.show(result({ ...cards.full, card }), { prospect: "junk@acme.example" });
    assert.doesNotMatch(await actor.text(), NONSENSE, JSON.stringify(junk));
  }
  assert.deepEqual(actor.trouble, []);
  await actor.page.close();
});
