"use strict";

// All text reaches the page as text: nothing here sets markup.
function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function byId(id) { return document.getElementById(id); }

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

// As the tables have it.
function size(bytes) {
  let n = Math.max(bytes, 0), unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit++; }
  return (unit > 0 && n < 9.95 ? n.toFixed(1) : n.toFixed(0)) + " " + units[unit];
}

function number(n) { return n.toLocaleString("en"); }

function plural(n, word) { return number(n) + " " + (n === 1 ? word : word + "s"); }
