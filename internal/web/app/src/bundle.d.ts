// What the bundler makes of imports that are no modules.

declare module "worker:*" { // the address of a script for a Worker, beside this one
  const path: string;
  export default path;
}

declare module "*.sheet.css" { // styles as text
  const text: string;
  export default text;
}
