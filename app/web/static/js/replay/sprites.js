// The page's own drawings of vehicles (templates/_icons.html) as pictures for a canvas, in any colour.

const PX = 64;

const drawn = new Map();

/** A picture of PX by PX pixels of the drawing `name`, its own colour replaced by `colour`. */
export function sprite(name, colour) {
  const key = `${name} ${colour}`;
  if (!drawn.has(key)) drawn.set(key, paint(document.getElementById(`icon-${name}`), colour));
  return drawn.get(key);
}

function paint(symbol, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = PX;
  canvas.height = PX;
  const context = canvas.getContext("2d");
  const [, , width, height] = symbol.getAttribute("viewBox").split(" ").map(Number);
  context.scale(PX / width, PX / height);
  for (const node of symbol.children) shape(context, node, {}, colour);
  return canvas;
}

function shape(context, node, inherited, colour) {
  const style = { ...inherited };
  for (const name of ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin"]) {
    if (node.hasAttribute(name)) style[name] = node.getAttribute(name);
  }
  if (node.tagName === "g") {
    for (const child of node.children) shape(context, child, style, colour);
    return;
  }
  const path = new Path2D(node.tagName === "path" ? node.getAttribute("d") : undefined);
  if (node.tagName === "circle") {
    const [x, y, r] = ["cx", "cy", "r"].map((name) => Number(node.getAttribute(name)));
    path.arc(x, y, r, 0, 2 * Math.PI);
  }
  const named = (value) => (value === "currentColor" ? colour : value);
  if ((style.fill ?? "#000") !== "none") {
    context.globalAlpha = Number(style["fill-opacity"] ?? 1);
    context.fillStyle = named(style.fill ?? "#000");
    context.fill(path);
    context.globalAlpha = 1;
  }
  if (style.stroke && style.stroke !== "none") {
    context.strokeStyle = named(style.stroke);
    context.lineWidth = Number(style["stroke-width"] ?? 1);
    context.lineCap = style["stroke-linecap"] ?? "butt";
    context.lineJoin = style["stroke-linejoin"] ?? "miter";
    context.stroke(path);
  }
}
