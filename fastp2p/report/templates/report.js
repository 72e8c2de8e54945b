"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

  // Theme: what the system asks for, until the reader presses the button.
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const isDark = () => (chosen === null ? dark.matches : chosen === "dark");
  const setTheme = () => { root.dataset.theme = isDark() ? "dark" : "light"; };

  // Figures. A colour is "c0", "c1", … of the cycle, "r0" … "r100" of the ramp, or "ink"; "~" behind it makes it pale.
  const cycles = {
    light: ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"],
    dark: ["#56b4e9", "#f0b429", "#2bc79b", "#ff8243", "#e39cc4", "#9ad3f7"],
  };
  const ramps = {
    light: [[170, 200, 60], [53, 170, 120], [38, 125, 142], [62, 74, 137], [60, 5, 80]],
    dark: [[85, 90, 160], [50, 125, 160], [45, 170, 140], [125, 205, 90], [250, 230, 60]],
  };
  const inks = {
    light: { ink: "#1c1f23", grid: "#e2e5e9", paper: "#ffffff" },
    dark: { ink: "#e8eaed", grid: "#39414b", paper: "#15181c" },
  };
  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const ramp = (theme, percent) => {
    const stops = ramps[theme];
    const at = Math.min((percent / 100) * (stops.length - 1), stops.length - 1.000001);
    const low = Math.floor(at);
    return stops[low].map((one, i) => Math.round(one + (at - low) * (stops[low + 1][i] - one)));
  };
  const colourOf = (word, theme) => {
    const found = /^(?:c(\d)|r(\d+)|ink)(~?)$/.exec(word);
    if (!found) return word;
    const parts = found[1] ? rgb(cycles[theme][found[1]]) : found[2] ? ramp(theme, Number(found[2])) : rgb(inks[theme].ink);
    return `rgba(${parts.join(",")},${found[3] ? 0.2 : 1})`;
  };
  const coloured = (value, theme, key = "") => {
    if (Array.isArray(value)) return key === "x" || key === "y" ? value : value.map((one) => coloured(one, theme));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, coloured(one, theme, name)]));
    }
    return typeof value === "string" && /color$/.test(key) ? colourOf(value, theme) : value;
  };
  const layoutOf = (view, theme, width, height) => {
    const { ink, grid, paper } = inks[theme];
    const layout = coloured(view.layout, theme);
    const axis = { gridcolor: grid, linecolor: grid, zerolinecolor: grid, automargin: true };
    const small = width < 480;
    return {
      ...layout,
      width,
      height,
      autosize: false,
      paper_bgcolor: paper,
      plot_bgcolor: paper,
      font: { color: ink, size: small ? 11 : 12, family: "system-ui, sans-serif" },
      hoverlabel: { bgcolor: paper, font: { color: ink } },
      margin: { l: 55, r: 12, t: 12, b: 45 },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, traceorder: "normal", ...(layout.legend || {}) },
      xaxis: { ...axis, ...layout.xaxis },
      yaxis: { ...axis, ...layout.yaxis },
    };
  };
  const config = { responsive: false, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };
  const plots = all(".plot").filter((place) => data.charts[place.id]);
  const draw = (theme, width, height) => {
    for (const place of plots) {
      const view = data.charts[place.id];
      const layout = layoutOf(view, theme, width || place.clientWidth || 600, height || place.clientHeight || 380);
      Plotly.react(place, coloured(view.data, theme), layout, config);
    }
    matchAxes();
  };
  // Of two runs side by side, the same figure has the same axes.
  const matchAxes = () => {
    const groups = new Map();
    for (const place of plots) groups.set(place.dataset.match, [...(groups.get(place.dataset.match) || []), place]);
    for (const group of groups.values()) {
      if (group.length < 2) continue;
      for (const axis of ["xaxis", "yaxis"]) {
        const ranges = group.map((place) => place._fullLayout[axis]);
        if (ranges.some((one) => one.type !== "linear")) continue;
        const range = [Math.min(...ranges.map((one) => one.range[0])), Math.max(...ranges.map((one) => one.range[1]))];
        for (const place of group) Plotly.relayout(place, { [`${axis}.range`]: range });
      }
    }
  };
  const redraw = () => { setTheme(); draw(isDark() ? "dark" : "light"); };
  let width = window.innerWidth;
  let waiting = 0;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return; // a phone's address bar comes and goes
    width = window.innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(redraw, 150);
  });
  dark.addEventListener("change", redraw);
  document.getElementById("theme").addEventListener("click", () => { chosen = isDark() ? "light" : "dark"; redraw(); });

  // Printing: all of it, on white, as wide as a page of A4.
  const [printWidth, printHeight] = [690, 280];
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    opened.forEach((one) => { one.open = true; });
    draw("light", printWidth, printHeight);
  });
  window.addEventListener("afterprint", () => {
    opened.forEach((one) => { one.open = false; });
    redraw();
  });

  // Tables: by numbers where a column has them, else by text; empty cells last.
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    return text === "" || text === "–" ? null : text;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  for (const table of all("table.sortable")) {
    all("th", table).forEach((heading, column) => {
      heading.querySelector("button").addEventListener("click", () => {
        const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        all("th", table).forEach((one) => one.setAttribute("aria-sort", "none"));
        heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [keyOf(row, column), row]);
        rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b)));
        body.append(...rows.map(([, row]) => row));
      });
    });
  }

  // The feeder.
  const feeder = data.feeder;
  if (feeder) {
    const state = document.getElementById("feeder-state");
    const tip = document.getElementById("feeder-tip");
    const controls = { share: document.getElementById("feeder-share"), time: document.getElementById("feeder-time") };
    const drawing = document.getElementById("feeder-drawing");
    const lines = all(".drawing line");
    const dots = all(".drawing circle, .drawing rect");
    const strokes = new Map(lines.map((line) => [line, Number(line.getAttribute("stroke-width"))]));
    const busName = (at) => (feeder.buses[at] < 0 ? "an inner node" : `bus ${feeder.buses[at]}`);
    let now = { loading: [], voltage: null, kwp: [] };
    const loadingClass = (value) => (value === null ? "lx" : `l${Math.min(5, Math.floor(value / 200))}`);
    const voltageClass = (value) => {
      if (value === null || value === undefined) return "vx";
      const [low, high] = feeder.band.map((one) => one * 10000);
      if (value < low) return "v0";
      if (value > high) return "v4";
      return `v${1 + Math.min(2, Math.floor((3 * (value - low)) / (high - low)))}`;
    };
    const extreme = (values, better) => {
      let best = -1;
      values.forEach((one, at) => { if (one !== null && (best < 0 || better(one, values[best]))) best = at; });
      return best;
    };
    const say = (share, time) => {
      const pieces = [];
      const most = extreme(now.loading, (a, b) => a > b);
      if (most >= 0) pieces.push(`largest loading ${(now.loading[most] / 10).toFixed(1)} % (${feeder.branches[most]})`);
      if (now.voltage) {
        const inside = now.voltage.map((one, at) => (feeder.grid.includes(at) ? null : one));
        const low = extreme(inside, (a, b) => a < b);
        const high = extreme(inside, (a, b) => a > b);
        if (low >= 0) {
          const text = (at) => `${(inside[at] / 10000).toFixed(4)} p.u. (${busName(at)})`;
          pieces.push(`voltages from ${text(low)} to ${text(high)}`);
        } else pieces.push("no solution: the voltage collapses");
      }
      const where = feeder.shares.length > 1 ? `${feeder.shares[share]}, ` : "";
      state.textContent = `${where}${feeder.times[time]}: ${pieces.join("; ")}`;
    };
    const show = () => {
      const share = controls.share ? Number(controls.share.value) : 0;
      const time = Number(controls.time.value);
      const of = feeder.states[share];
      now = { loading: of.loading[time], voltage: of.voltage ? of.voltage[time] : null, kwp: of.kwp };
      for (const line of lines) {
        const value = now.loading[line.dataset.branch];
        line.setAttribute("class", loadingClass(value));
        line.setAttribute("stroke-width", (strokes.get(line) * (1 + Math.min(value || 0, 1200) / 800)).toFixed(2));
      }
      for (const dot of dots) {
        const at = dot.dataset.bus;
        dot.setAttribute("class", voltageClass(now.voltage && now.voltage[at]) + (now.kwp[at] > 0 ? " pv" : ""));
      }
      controls.time.setAttribute("aria-valuetext", feeder.times[time]);
      say(share, time);
    };
    const point = (event) => {
      const { branch, bus } = event.target.dataset;
      if (branch !== undefined) {
        const value = now.loading[branch];
        tip.textContent = `${feeder.branches[branch]}: ${value === null ? "no limit" : `${(value / 10).toFixed(1)} %`}`;
      } else if (bus !== undefined) {
        const volts = now.voltage && now.voltage[bus] !== null ? `, ${(now.voltage[bus] / 10000).toFixed(4)} p.u.` : "";
        tip.textContent = `${busName(bus)}${volts}${now.kwp[bus] > 0 ? `, ${now.kwp[bus]} kWp of PV` : ""}`;
      }
    };
    all(".drawing svg").forEach((svg) => ["pointerover", "pointerdown"].forEach((kind) => svg.addEventListener(kind, point)));
    Object.values(controls).forEach((one) => one && one.addEventListener("input", show));
    if (drawing) {
      drawing.addEventListener("input", () => {
        all(".drawing").forEach((one) => { one.hidden = one.dataset.drawing !== drawing.value; });
      });
    }
    show();
  }

  redraw();
  root.dataset.ready = "yes";
})();
