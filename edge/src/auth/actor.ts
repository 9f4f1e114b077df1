/** Who asks the administration for something. */
export interface Actor {
  /** A key's id; `root` for the deployment's ADMIN_KEY. */
  readonly id: string;
  /** As the platform saw it. Absent: nobody knows. */
  readonly ip: string | undefined;
  /** The only key whose usage it may read. Absent: of all. */
  readonly ownUsageOf?: string;
}
