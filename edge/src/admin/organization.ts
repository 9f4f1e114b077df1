/** The organization of an installation, which the directory's first migration makes. */
export const organizationId = "org_default";
