// Migrations as tests import them.
declare module "*.sql?raw" {
  const text: string;
  export default text;
}
