// What Doxygen's pages lack: names and roles for those who do not see them, a
// dark toggle that the keyboard reaches, and a search that knows the text.

function setAttributes(selector, attributes) {
  for (const element of document.querySelectorAll(selector))
    for (const name in attributes)
      element.setAttribute(name, attributes[name]);
}

function nameParts() {
  setAttributes("#top", { role: "banner" });
  setAttributes("#side-nav", { role: "navigation", "aria-label": "Pages" });
  setAttributes("#doc-content", { role: "main", tabindex: "-1" });
  setAttributes("#nav-path", { role: "contentinfo" });
  setAttributes(".headertitle .title", { role: "heading", "aria-level": "1" });
  setAttributes(".toc h3", { "aria-level": "2" });
  setAttributes("#main-menu-state", { "aria-label": "Menu" });
}

/** Lets the style sheet show each row of a wide table as a card. */
function labelWideTables() {
  for (const table of document.querySelectorAll("table.markdownTable")) {
    const [head, ...rows] = table.rows;
    if (head.cells.length < 3)
      continue;
    table.classList.add("wide");
    for (const row of rows)
      for (const cell of row.cells)
        cell.dataset.label = head.cells[cell.cellIndex].innerText.trim();
  }
}

function reachDarkToggle() {
  const toggle = document.querySelector("doxygen-awesome-dark-mode-toggle");
  if (toggle === null || toggle.hasAttribute("role"))
    return;
  setAttributes(toggle.localName, { role: "button", tabindex: "0",
    "aria-label": toggle.title });
  toggle.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toggle.click();
    }
  });
}

// --- Search -----------------------------------------------------------------
// Doxygen's own knows symbols only. Ours replaces it in its place, where
// `make docs` has written search-data.js; that is loaded on first use.

function findRecords(text) {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const found = [];
  for (const [url, page, heading, body] of SEARCH_RECORDS) {
    let score = heading === "" ? 1 : 0;
    for (const word of words) {
      const inHeading = heading.toLowerCase().indexOf(word);
      const inPage = page.toLowerCase().indexOf(word);
      const inBody = body.toLowerCase().indexOf(word);
      if (inHeading < 0 && inPage < 0 && inBody < 0)
        score = -Infinity;
      const isSymbol = body === ""; // of a source: texts come first,
      const weight = url.startsWith("steps-") ? 35 : 20; // lessons before all
      score += (inHeading < 0 ? 0 : inHeading > 0 ? 15 : isSymbol ? 25 : 30) +
        (inPage < 0 ? 0 : isSymbol ? 5 : weight) + (inBody < 0 ? 0 : 10);
    }
    if (words.length > 0 && score > 0)
      found.push({ url, page, heading, body, score, word: words[0] });
  }
  found.sort((a, b) => b.score - a.score);
  const perPage = {};
  return found.filter(({ page }) =>
    (perPage[page] = (perPage[page] || 0) + 1) <= 3).slice(0, 12);
}

function showRecords(results, found) {
  results.textContent = found.length === 0 ? "Nothing found." : "";
  for (const { url, page, heading, body, word } of found) {
    const link = document.createElement("a");
    link.href = url;
    const title = link.appendChild(document.createElement("b"));
    title.textContent = heading === "" ? page : `${heading} · ${page}`;
    const at = body.toLowerCase().indexOf(word);
    if (at >= 0)
      link.append(document.createElement("br"),
        body.slice(Math.max(0, at - 40), at + 80));
    results.append(link);
  }
}

function replaceSearch() {
  const box = document.getElementById("MSearchBox");
  if (box === null || box.querySelector("#search-results") !== null)
    return;
  const field = document.createElement("input");
  field.id = "MSearchField";
  field.type = "search";
  field.placeholder = "Search";
  field.accessKey = "s";
  field.setAttribute("aria-label", "Search");
  box.replaceChildren(field);
  const results = document.createElement("div");
  results.id = "search-results";
  results.hidden = true;
  results.setAttribute("role", "status");
  box.append(results);

  const show = () => {
    results.hidden = field.value.trim() === "";
    results.style.top = `${box.getBoundingClientRect().bottom + 4}px`;
    if (!results.hidden && typeof SEARCH_RECORDS !== "undefined")
      showRecords(results, findRecords(field.value));
  };
  field.addEventListener("focus", () => {
    if (document.getElementById("search-data") !== null)
      return;
    const data = document.createElement("script");
    data.id = "search-data";
    data.src = "search-data.js";
    data.onload = show;
    document.head.append(data);
  });
  field.addEventListener("input", show);
  box.addEventListener("keydown", (event) => {
    const links = [...results.children];
    const at = links.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      (links[at + step] || field).focus();
    } else if (event.key === "Enter" && at < 0 && !results.hidden) {
      event.preventDefault();
      results.querySelector("a")?.click();
    } else if (event.key === "Escape") {
      results.hidden = true;
      field.focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!box.contains(event.target))
      results.hidden = true;
  });
}

document.addEventListener("DOMContentLoaded", () => {
  labelWideTables();
  // Doxygen makes menu, search box and toggle late, and again for a new width.
  const mend = () => {
    nameParts();
    replaceSearch();
    reachDarkToggle();
  };
  new MutationObserver(mend).observe(document.getElementById("top"),
    { childList: true, subtree: true });

  if (typeof DoxygenAwesomeDarkModeToggle !== "undefined") {
    DoxygenAwesomeFragmentCopyButton.init();
    DoxygenAwesomeDarkModeToggle.init();
  }
});
