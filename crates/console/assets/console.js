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

  // A button chooses all boxes of a group.
  for (const group of document.querySelectorAll("[data-group]")) {
    const button = group.querySelector("[data-all]");
    if (!button) continue;
    const boxes = [...group.querySelectorAll("input")];
    const areAll = () => boxes.every((box) => box.checked);
    const label = () => {
      button.textContent = areAll() ? "Clear all" : "Select all";
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      const checked = !areAll();
      for (const box of boxes) box.checked = checked;
      group.dispatchEvent(new Event("change", { bubbles: true }));
    });
    group.addEventListener("change", label);
    label();
  }

  // What a list selects, and how many people, is said after every choice.
  for (const form of document.querySelectorAll("form[data-count]")) {
    const status = form.querySelector("#count");
    let timer, running;
    const count = async () => {
      if (running) running.abort();
      running = new AbortController();
      const { signal } = running;
      try {
        const answer = await fetch(form.dataset.count, { method: "POST", body: new URLSearchParams(new FormData(form)), signal });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const id of ["sentence", "count"]) document.getElementById(id).textContent = page.getElementById(id).textContent;
      } catch {
        if (!signal.aborted) status.textContent = "They could not be counted. Try again in a minute";
      }
    };
    form.addEventListener("change", (event) => {
      if (event.target.name === "name") return;
      clearTimeout(timer);
      timer = setTimeout(count, 400);
    });
  }

  // Downloads say how far they are and how they end. Larger files are left to the browser, for memory.
  for (const link of document.querySelectorAll("a[data-rows]")) {
    const rows = Number(link.dataset.rows);
    if (rows > 200000) continue;
    const status = document.querySelector("[data-download-status]");
    const said = (number) => number.toLocaleString("en-US");
    let isRunning = false;
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      if (isRunning) return;
      isRunning = true;
      status.textContent = "The download starts.";
      const parts = [];
      let received = 0;
      let isQuoted = false;
      try {
        const answer = await fetch(link.href);
        if (!answer.ok || answer.redirected) throw answer.status;
        const reader = answer.body.getReader();
        for (let read; !(read = await reader.read()).done; ) {
          parts.push(read.value);
          for (const byte of read.value) {
            if (byte === 34) isQuoted = !isQuoted;
            else if (byte === 10 && !isQuoted) received += 1;
          }
          status.textContent = `${said(received)} of ${said(rows)} rows.`;
        }
        const file = document.createElement("a");
        file.href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
        file.download = "contacts.csv";
        file.click();
        setTimeout(() => URL.revokeObjectURL(file.href), 60000);
        status.textContent = `Done: contacts.csv has ${said(received)} rows.`;
      } catch {
        status.textContent = "The download broke off, and nothing was saved. Try again in a minute.";
      }
      isRunning = false;
    });
  }

  // On a phone, the navigation is wider than the screen: show where we are. (scrollIntoView would move where Tab begins.)
  const here = document.querySelector(".navigation [aria-current]");
  if (here) {
    const bar = here.closest(".navigation");
    bar.scrollLeft = here.offsetLeft - (bar.clientWidth - here.offsetWidth) / 2;
  }

  // After a refused form, the summary of what is wrong comes first.
  const wrong = document.querySelector("[data-focus]");
  if (wrong) wrong.focus();
})();
