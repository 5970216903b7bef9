// The parts of Observable Plot that the page uses. `npm run --silent build` prints src/overfitting/report/templates/plot.js
export { plot, line, dot, link, rect, ruleX, ruleY, text, tip, pointer } from "@observablehq/plot";
