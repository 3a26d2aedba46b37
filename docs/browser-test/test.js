// Tests the built site (build/docs/html) as a reader meets it, in Chromium.
//
//   npm install && node test.js [DIRECTORY]
//
// CHROMIUM names the browser, if it is not the one of the distribution.
"use strict";
const fs = require("fs");
const http = require("http");
const path = require("path");
const { chromium } = require("playwright-core");
const axeSource = require("axe-core").source;

const root = path.resolve(
  process.argv[2] || path.join(__dirname, "../../build/docs/html"));
const steps = ["01-socket", "02-bind", "03-listen", "04-accept",
  "05-connect", "06-send", "07-recv", "08-close"];
const lessons = steps.map((step) => `steps-${step}.html`);
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
const WEIGHT = 500 * 1000; // bytes, of a lesson with all it loads

const TYPES = { ".html": "text/html", ".css": "text/css",
  ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png" };

let passed = 0;
let failed = 0;

function check(what, problems) {
  if (problems.length === 0) {
    passed++;
    console.log(`ok    ${what}`);
  } else {
    failed++;
    console.log(`FAIL  ${what}`);
    for (const problem of problems.slice(0, 20))
      console.log(`      ${problem}`);
  }
}

/**
 * Serves the site on a free port. Notes in `served` how many bytes it has sent
 * and what was asked for and is missing.
 */
function serve(served) {
  const server = http.createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url, "http://x").pathname);
    const file = path.join(root, path.normalize(name));
    fs.readFile(file, (error, bytes) => {
      if (error) {
        served.missing.push(`${request.headers.referer}: ${name} is missing`);
        response.writeHead(404);
        response.end();
      } else {
        response.setHeader("content-type",
          TYPES[path.extname(file)] || "application/octet-stream");
        response.end(bytes);
        served.bytes += bytes.length;
      }
    });
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** Opens a page and waits until its scripts have mended it. */
async function open(page, url) {
  await page.goto(url, { waitUntil: "load" });
  await page.waitForSelector("#search-results", { state: "attached" });
}

/** Returns a list that fills with what goes wrong while pages load. */
function watch(page, origin) {
  const problems = [];
  page.on("console", (message) => {
    if (message.type() === "error")
      problems.push(`${page.url()}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) =>
    problems.push(`${page.url()}: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) &&
        !request.url().startsWith("data:"))
      problems.push(`${page.url()}: loads ${request.url()}`);
  });
  return problems;
}

async function testEveryPage(browser, origin, served) {
  const page = await browser.newPage({ viewport: DESKTOP });
  const problems = watch(page, origin);
  const pages = fs.readdirSync(root).filter((name) => name.endsWith(".html"));
  for (const name of pages)
    await page.goto(`${origin}/${name}`, { waitUntil: "load" });
  await page.waitForLoadState("networkidle");
  check(`${pages.length} pages load, no console error`, problems);
  check("nothing they load is missing", served.missing);
  await page.close();
}

async function testWeight(browser, origin, served) {
  const problems = [];
  let most = 0;
  for (const name of lessons) {
    const page = await browser.newPage({ viewport: DESKTOP });
    served.bytes = 0;
    await page.goto(`${origin}/${name}`, { waitUntil: "networkidle" });
    most = Math.max(most, served.bytes);
    if (served.bytes > WEIGHT)
      problems.push(`${name}: ${served.bytes} bytes with all it loads`);
    await page.close();
  }
  check(`no lesson weighs more than ${WEIGHT} bytes (most: ${most})`,
    problems);
}

async function testSearch(browser, origin) {
  const page = await browser.newPage({ viewport: DESKTOP });
  for (const [word, target] of
    [["EADDRINUSE", "errno.html"], ["listen", "steps-03-listen.html"]]) {
    await open(page, `${origin}/index.html`);
    await page.click("#MSearchField");
    await page.keyboard.type(word, { delay: 30 });
    await page.waitForSelector("#search-results a", { timeout: 5000 });
    const found = await page.$$eval("#search-results a",
      (links) => links.map((link) => link.href));
    check(`search finds ${word}`, found.some((url) => url.includes(target))
      ? [] : [`no result leads to ${target}: ${found.join(" ")}`]);
  }
  await page.close();
}

async function testWalk(browser, origin) {
  const page = await browser.newPage({ viewport: DESKTOP });
  const problems = [];
  const here = () => page.url().replace(`${origin}/`, "");
  const go = async (arrow, wanted) => {
    await page.click(`.stepnav a:has-text("${arrow}")`);
    if (here() !== wanted)
      problems.push(`${arrow} leads to ${here()}, not to ${wanted}`);
  };
  await page.goto(`${origin}/index.html`);
  await page.click(`.contents a[href="${lessons[0]}"]`);
  for (const name of lessons.slice(1))
    await go("→", name);
  for (const name of lessons.slice(0, -1).reverse())
    await go("←", name);
  await page.click('.stepnav a:has-text("Contents")');
  if (here() !== "index.html")
    problems.push(`Contents leads to ${here()}`);
  check("previous and next walk through all lessons", problems);
  await page.close();
}

async function testDark(browser, origin) {
  const page = await browser.newPage({ viewport: DESKTOP,
    colorScheme: "light" });
  const paper = () => page.evaluate(
    () => getComputedStyle(document.body).backgroundColor);
  await open(page, `${origin}/${lessons[0]}`);
  const problems = [];
  const light = await paper();
  await page.click("doxygen-awesome-dark-mode-toggle");
  const dark = await paper();
  if (light === dark)
    problems.push(`a click leaves the page ${light}`);
  await open(page, `${origin}/${lessons[1]}`);
  if (await paper() !== dark)
    problems.push("the next page has forgotten the choice");
  await page.focus("doxygen-awesome-dark-mode-toggle");
  await page.keyboard.press("Enter");
  if (await paper() !== light)
    problems.push("the keyboard does not bring the light back");
  check("the dark toggle works, by mouse and by keyboard", problems);
  await page.close();
}

async function testPhone(browser, origin, names) {
  const page = await browser.newPage({ viewport: PHONE });
  const problems = [];
  for (const name of names) {
    await open(page, `${origin}/${name}`);
    await page.$$eval("details", (all) => all.forEach((d) => (d.open = true)));
    problems.push(...await page.evaluate(() => {
      const wide = [];
      const visible = (e) => e.offsetParent !== null;
      const scrolls = (e) => e.closest("pre.fragment, div.fragment");
      if (document.documentElement.scrollWidth > innerWidth)
        wide.push(`is ${document.documentElement.scrollWidth} px wide`);
      for (const e of document.querySelectorAll(".contents *")) {
        const box = e.getBoundingClientRect();
        if (visible(e) && !scrolls(e) && box.right > innerWidth + 1)
          wide.push(`<${e.localName} class="${e.className}"> reaches ` +
            `${Math.round(box.right)} px: ${e.textContent.slice(0, 40)}`);
      }
      return wide;
    }).then((wide) => wide.map((text) => `${name}: ${text}`)));
  }
  check(`nothing overflows at ${PHONE.width} px, ${names.length} pages`,
    problems);
  await page.close();
}

async function testAxe(browser, origin, names, colorScheme, viewport) {
  const page = await browser.newPage({ viewport, colorScheme });
  const problems = [];
  for (const name of names) {
    await open(page, `${origin}/${name}`);
    await page.$$eval("details", (all) => all.forEach((d) => (d.open = true)));
    await page.evaluate(axeSource);
    const result = await page.evaluate(() => globalThis.axe.run());
    for (const violation of result.violations)
      for (const node of violation.nodes)
        problems.push(`${name}: ${violation.id}: ${node.target} ` +
          `${node.failureSummary.replace(/\s+/g, " ").slice(0, 150)}`);
  }
  problems.sort();
  check(`axe finds no violation, ${colorScheme}, ${viewport.width} px, ` +
    `${names.length} pages`, problems);
  await page.close();
}

async function main() {
  const texts = fs.readdirSync(root).filter((name) =>
    name.endsWith(".html") &&
    fs.readFileSync(path.join(root, name), "utf8").includes('id="md_'));
  const served = { missing: [], bytes: 0 };
  const server = await serve(served);
  const origin = `http://127.0.0.1:${server.address().port}`;
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic",
      "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  const run = (test, ...rest) => test(browser, origin, ...rest).catch(
    (error) => check(test.name, [error.message]));
  await run(testEveryPage, served);
  await run(testWeight, served);
  await run(testSearch);
  await run(testWalk);
  await run(testDark);
  await run(testPhone, texts);
  for (const scheme of ["light", "dark"])
    for (const viewport of [DESKTOP, PHONE])
      await run(testAxe, texts, scheme, viewport);
  await browser.close();
  server.close();
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 2;
});
