"use strict";
// Comfort only: every page works without it.
(() => {
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  // Menus close on Escape and on a click elsewhere, and give the focus back.
  for (const menu of document.querySelectorAll("header details")) {
    const button = menu.querySelector("summary");
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && menu.open) {
        menu.open = false;
        button.focus();
      }
    });
    document.addEventListener("click", (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  }

  for (const menu of document.querySelectorAll("[data-switcher]")) {
    const box = menu.querySelector("[data-switcher-search]");
    const input = box && box.querySelector("input");
    const status = box && box.querySelector("[data-switcher-status]");
    const links = () => [...menu.querySelectorAll("nav a")].filter((link) => link.offsetParent);
    menu.addEventListener("toggle", () => {
      if (menu.open && input) input.focus();
    });
    menu.addEventListener("keydown", (event) => {
      // What is in a closed menu has no place on the page, and cannot get the focus.
      if (event.key === "ArrowDown" || event.key === "ArrowUp") menu.open = true;
      const all = links();
      const at = all.indexOf(document.activeElement);
      const inField = event.target === input;
      const to = {
        ArrowDown: at + 1,
        ArrowUp: at < 0 ? all.length - 1 : at - 1,
        Home: inField ? undefined : 0,
        End: inField ? undefined : all.length - 1,
      }[event.key];
      if (to !== undefined && all.length) {
        event.preventDefault();
        (links()[to] || (event.key === "ArrowUp" && input) || all[to < 0 ? all.length - 1 : 0]).focus();
      } else if (!inField && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) {
        if (input) return input.focus();
        const next = all.find((link) => fold(link.textContent.trim()).startsWith(fold(event.key)));
        if (next) next.focus();
      }
    });
    if (!input) continue;
    box.hidden = false;
    input.addEventListener("input", () => {
      const words = fold(input.value).split(/\s+/);
      let found = 0;
      for (const item of menu.querySelectorAll("li")) {
        const choice = item.querySelector(".choice");
        if (!choice) continue;
        item.hidden = !words.every((word) => fold(choice.textContent).includes(word));
        if (!item.hidden) found += 1;
      }
      for (const group of menu.querySelectorAll("[data-switcher-group]")) {
        group.hidden = !group.querySelector("li:not([hidden])");
      }
      status.textContent = found ? `${found} found` : "No matches. Search by name, office, place or year.";
    });
  }

  // After a refused form, the summary of what is wrong comes first.
  const wrong = document.querySelector("[data-focus]");
  if (wrong) wrong.focus();
})();
