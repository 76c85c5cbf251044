// Asks the API of the server the page came from, and shows what it answers.
"use strict";

const element = (id) => document.getElementById(id);

// What the API answers to a path, or an error with its words.
async function ask(path) {
  const response = await fetch("api/v1/" + path);
  const answer = await response.json();
  if (answer.status !== "success") throw new Error(answer.error);
  return answer;
}

// `{a="b", c="d"}`, the name before the braces.
function series(labels) {
  const { __name__: name = "", ...others } = labels;
  const pairs = Object.entries(others).map(([label, value]) => label + "=" + JSON.stringify(value));
  return pairs.length || !name ? name + "{" + pairs.join(", ") + "}" : name;
}

// Fills a table with rows of texts; `kind` may give a row a class.
function fill(id, rows, kind = () => "") {
  element(id).replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    line.className = kind(row);
    line.append(...row.map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }));
    return line;
  }));
}

// The rows of a query's result, whatever its type.
function rows({ resultType, result }) {
  const samples = (points) => points.map(([time, value]) => value + " @" + time).join("\n");
  const value = (one) => one.value ? one.value[1] : JSON.stringify(one.histogram[1]);
  switch (resultType) {
    case "vector": return result.map((one) => [series(one.metric), value(one)]);
    case "matrix": return result.map((one) => [series(one.metric), samples(one.values ?? [])]);
    default: return [[resultType, result[1]]];
  }
}

async function evaluate(expr) {
  element("said").textContent = "";
  try {
    const answer = await ask("query?query=" + encodeURIComponent(expr));
    fill("values", rows(answer.data));
    const notes = [...(answer.warnings ?? []), ...(answer.infos ?? [])];
    const count = element("values").childElementCount;
    element("said").textContent = [count ? "" : "no result", ...notes].join("\n");
  } catch (error) {
    fill("values", []);
    element("said").textContent = error.message;
  }
}

async function overview() {
  const { alerts } = (await ask("alerts")).data;
  fill("alerts", alerts.map((one) => [one.state, series(one.labels), one.activeAt]),
    ([state]) => state);
  const { activeTargets } = (await ask("targets?state=active")).data;
  fill("targets", activeTargets.map((one) => [one.health, one.scrapeUrl, one.lastError]),
    ([health]) => health);
}

element("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const expr = element("expr").value;
  history.replaceState(null, "", "?g0.expr=" + encodeURIComponent(expr));
  evaluate(expr);
});

const expr = new URLSearchParams(location.search).get("g0.expr");
if (expr) {
  element("expr").value = expr;
  evaluate(expr);
}
overview().catch((error) => { element("said").textContent = error.message; });
