// Styles of a page that are not needed before it is looked at.

// wear puts styles on, for good.
export function wear(text: string) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets.push(sheet);
}
