/* The app in a frame of a host page in headless Chromium: two servers, two origins, a strict CSP. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

import { NOW, SARAH } from "./cards.mjs";

const APP = readFileSync(new URL("../../integrations/mcp/app.html", import.meta.url), "utf8");
const HOST = readFileSync(new URL("host.html", import.meta.url), "utf8");

const hashOf = (tag) => {
  const [, inside] = new RegExp(`<${tag}[^>]*>(.*?)</${tag}>`, "s").exec(APP);
  return `'sha256-${createHash("sha256").update(inside).digest("base64")}'`;
};
/** Stricter than any host: only this script and this style, and no text may become markup or code. */
const CSP = [
  "default-src 'none'",
  `script-src ${hashOf("script")}`,
  `style-src ${hashOf("style")}`,
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

function serve(body, headers = {}) {
  const server = createServer((asked, answer) => {
    const found = asked.url === "/";
    answer.writeHead(found ? 200 : 204, { "Content-Type": "text/html; charset=utf-8", ...headers });
    answer.end(found ? body : "");
  });
  return new Promise((ready) => server.listen(0, "127.0.0.1", () => ready(server)));
}

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Start browser and servers; `enter` opens a fresh page, `close` ends everything. */
export async function open() {
  const servers = [await serve(HOST), await serve(APP, { "Content-Security-Policy": CSP })];
  const [hostUrl, appUrl] = servers.map((server) => `http://127.0.0.1:${server.address().port}/`);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: FLAGS,
  });

  async function enter({
    width = 1000,
    height = 900,
    context = {},
    capabilities,
    answers = {},
    fits = false,
    ...options
  } = {}) {
    const page = await browser.newPage({ viewport: { width, height }, ...options });
    const trouble = []; // whatever must not happen: errors, dialogs, requests, refusals of the CSP
    page.on("pageerror", (error) => trouble.push(String(error)));
    page.on("console", (line) => line.type() === "error" && trouble.push(line.text()));
    page.on("dialog", (dialog) => trouble.push(dialog.message()) && dialog.dismiss());
    page.on("popup", (other) => trouble.push(`window ${other.url()}`));
    page.on(
      "request",
      (request) =>
        [hostUrl, appUrl].includes(request.url()) || trouble.push(`request ${request.url()}`),
    );
    await page.clock.install({ time: Date.parse(NOW) - 60_000 });
    await page.clock.pauseAt(NOW); // from here on time passes when a test says so
    await page.goto(hostUrl);
    await page.evaluate(
      (given) => {
        Object.assign(host.context, given.context);
        host.capabilities = given.capabilities ?? host.capabilities;
        host.answers = given.answers;
        host.fits = given.fits;
        host.start(given.appUrl);
      },
      { appUrl, context, capabilities, answers, fits },
    );
    const app = page.frameLocator("#app");
    const actor = new Actor(page, app, trouble);
    await actor.until("ui/notifications/initialized");
    return actor;
  }

  async function close() {
    await browser.close();
    servers.forEach((server) => server.close());
  }

  return { enter, close };
}

/** A host in the hands of a test. */
class Actor {
  constructor(page, app, trouble) {
    Object.assign(this, { page, app, trouble });
  }

  heard(method) {
    return this.page.evaluate(
      (wanted) => host.heard.filter((one) => one.method === wanted),
      method,
    );
  }

  calls() {
    return this.heard("tools/call").then((some) => some.map((one) => one.params));
  }

  until(method, count = 1) {
    return this.page.waitForFunction(
      ([wanted, least]) => host.heard.filter((one) => one.method === wanted).length >= least,
      [method, count],
    );
  }

  send(message) {
    return this.page.evaluate((given) => host.send(given), message);
  }

  answer(name, ...answers) {
    return this.page.evaluate(([to, given]) => (host.answers[to] = given), [name, answers]);
  }

  /** Answer the newest request of a method late. */
  reply(method, answer) {
    return this.page.evaluate(
      ([wanted, given]) =>
        host.send({ id: host.heard.findLast((one) => one.method === wanted).id, ...given }),
      [method, answer],
    );
  }

  input(args = { prospect: SARAH }) {
    return this.send({ method: "ui/notifications/tool-input", params: { arguments: args } });
  }

  async show(result, args) {
    await this.input(args);
    await this.send({ method: "ui/notifications/tool-result", params: result });
    await this.settled();
  }

  /** Wait until the app has read everything sent so far: it answers in order. */
  async settled() {
    await this.send({ id: "ping", method: "ping" });
    const before = await this.page.evaluate(() => (host.pings = (host.pings ?? 0) + 1));
    await this.page.waitForFunction(
      (count) => host.heard.filter((one) => one.id === "ping").length >= count,
      before,
    );
  }

  frame() {
    return this.page.frames()[1];
  }

  text(css = "main") {
    return this.frame().evaluate(
      (wanted) => [...document.querySelectorAll(wanted)].map((one) => one.innerText).join("\n"),
      css,
    );
  }

  button(name) {
    return this.app.getByRole("button", { name });
  }

  /** Let the app's clock go on, in s. */
  async pass(seconds) {
    await this.page.clock.runFor(1000 * seconds);
    await this.settled();
  }
}
