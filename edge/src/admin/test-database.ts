/** Applies the text of a migration to the tests' D1, which test files share: what is there stays. */
export async function applyMigration(db: D1Database, migration: string): Promise<void> {
  const text = migration
    .replaceAll(/--.*$/gm, "")
    .replaceAll(/CREATE (TABLE|INDEX|TRIGGER)/g, "CREATE $1 IF NOT EXISTS");
  // The statements of a trigger end in semicolons too.
  for (const statement of text.split(/;\s*(?=CREATE|$)/)) {
    if (statement.trim() !== "") await db.prepare(statement).run();
  }
}
