/* What a page is read by: text that is hard to read, and text that does not fit. Evaluates to an object of functions. */
({
  /* Text whose contrast with what it stands on is below 4.5 : 1, or 3 : 1 where it is large (WCAG 2.2, AA). */
  faint() {
    const channel = v => v / 255 <= .04045 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
    const light = colour => {
      const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map(Number).map(channel);
      return .2126 * r + .7152 * g + .0722 * b;
    };
    const ground = node => {
      for (; node; node = node.parentElement) {
        const colour = getComputedStyle(node).backgroundColor;
        if (!/, 0\)$|transparent/.test(colour)) return colour;
      }
      return "rgb(255, 255, 255)";
    };
    const written = node => [...node.childNodes].some(one => one.nodeType === 3 && one.textContent.trim());
    const found = [];
    for (const node of document.querySelectorAll("body *")) {
      if (node.disabled || node.closest(".hidden, [hidden], script, style, title") || !written(node)) continue;
      const style = getComputedStyle(node), text = light(node.closest("svg") ? style.fill : style.color);
      const under = light(ground(node)), size = parseFloat(style.fontSize);
      const ratio = (Math.max(text, under) + .05) / (Math.min(text, under) + .05);
      const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
      if (ratio < (large ? 3 : 4.5)) found.push(`${node.textContent.slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
    return found;
  },
  /* Elements that stand out of the window at its right. */
  wide() {
    return [...document.querySelectorAll("body *")]
      .filter(node => !node.closest(".hidden, svg") && node.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
      .map(node => node.outerHTML.slice(0, 80));
  },
  /* What can be pressed or filled in and has no name. */
  nameless() {
    return [...document.querySelectorAll("input, select, button, a")]
      .filter(node => !(node.labels?.length || node.textContent.trim() || node.getAttribute("aria-label")))
      .map(node => node.outerHTML.slice(0, 80));
  },
})
