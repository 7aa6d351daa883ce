// Fills in the links to the previous and the next day that have this page, links the sessions of a history, and opens the chosen ticker.
"use strict";
{
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const { day: own, page, root } = document.querySelector("nav[data-day]").dataset;
  const { pages, days } = window.reportDays ?? { pages: [], days: [] };
  const others = days.filter(([day, set]) => day !== own && pages[set].includes(page)).map(([day]) => day);
  const address = (day) => `${root}${day}/${page}.html`;

  for (const link of document.querySelectorAll("[data-step]")) {
    const found = link.dataset.step < 0 ? others.filter((day) => day < own).at(-1) : others.find((day) => day > own);
    if (found === undefined) continue;
    const [year, month, date] = found.split("-").map(Number);
    link.querySelector("b").textContent = `${date} ${MONTHS[month - 1]}${found.slice(0, 4) === own.slice(0, 4) ? "" : ` ${year}`}`;
    link.href = address(found);
    link.hidden = false;
  }

  for (const name of document.querySelectorAll("#history tbody th")) {
    if (!others.includes(name.dataset.sort)) continue;
    const link = document.createElement("a");
    link.href = address(name.dataset.sort);
    link.append(...name.childNodes);
    name.append(link);
  }

  // Arrow keys walk through a closed choice, so that only a pointer opens at once; by keyboard the button does.
  const form = document.querySelector(".choice");
  if (form !== null) {
    const select = form.querySelector("select");
    let isPointed = false;
    const open = () => {
      if (select.value !== "") window.location.assign(select.value);
    };
    select.addEventListener("pointerdown", () => { isPointed = true; });
    select.addEventListener("keydown", () => { isPointed = false; });
    select.addEventListener("change", () => { if (isPointed) open(); });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      open();
    });
    window.addEventListener("pageshow", () => form.reset());
    form.hidden = false;
  }
}
