/** Who asks the administration for something. */
export interface Actor {
  /** A key's id; `root` for the deployment's ADMIN_KEY. */
  readonly id: string;
  /** As the platform saw it. Absent: nobody knows. */
  readonly ip: string | undefined;
}
