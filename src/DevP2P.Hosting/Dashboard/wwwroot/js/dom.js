// Small tools for the page. What is set is set only if it differs: the browser then has nothing to do. There is no innerHTML anywhere,
// and the page's policy (require-trusted-types-for) would not let it through.

export const byId = (id) => document.getElementById(id);

/** An element with properties, and with text or elements inside. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "role") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function setText(element, text) {
  const value = String(text);
  if (element.textContent !== value) element.textContent = value;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

export function setClass(element, className) {
  if (element.className !== className) element.className = className;
}

const fields = new Map();

/** The element that shows a value: data-field="name". */
export function field(name) {
  let element = fields.get(name);
  if (!element) {
    element = document.querySelector(`[data-field="${name}"]`);
    fields.set(name, element);
  }
  return element;
}

export const setField = (name, text, className) => {
  const element = field(name);
  setText(element, text);
  if (className !== undefined) setClass(element, className);
};

/** Makes a parent's children as many as there are items, and updates each; those that exist are used again. */
export function setChildren(parent, items, create, update) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  while (parent.children.length < items.length) parent.append(create());
  items.forEach((item, index) => update(parent.children[index], item, index));
}

const waiting = new Set();
let isAsked = false;

function renderAll() {
  isAsked = false;
  // One may ask for another, as a panel does for its list: that is drawn in the same frame.
  for (const render of waiting) {
    waiting.delete(render);
    render();
  }
}

/**
 * Draws before the next frame, once, however often it is asked for. A page that nobody sees is not drawn: always give the same function,
 * or they pile up while the browser has no frames.
 */
export function schedule(render) {
  waiting.add(render);
  if (!isAsked) {
    isAsked = true;
    requestAnimationFrame(renderAll);
  }
}

/** Says something to those who listen to the page, and shows it for a moment to those who look. */
export function announce(text) {
  byId("announcer").textContent = text;
  const toast = byId("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => { toast.hidden = true; }, 4000);
}
