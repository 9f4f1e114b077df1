import * as z from "zod/mini";

/** A region as configured. */
export const regionSchema = z.object({
  /** Also the audience of the passports it accepts. */
  id: z.string().check(z.regex(/^[a-z0-9-]{1,64}$/, { error: "is not a region id (a-z, 0-9, -)" })),
  /** Base URL of the region's ingress, without a path. */
  url: z.pipe(
    z.url({ protocol: /^https?$/, error: "is not an http(s) URL" }),
    z.transform((url: string) => new URL(url).origin),
  ),
  latitude: z.number().check(z.gte(-90), z.lte(90)),
  longitude: z.number().check(z.gte(-180), z.lte(180)),
  jurisdiction: z.string(),
  /** Models it serves, believed while the region itself has not said. Absent: any. */
  models: z.optional(z.readonly(z.array(z.string()))),
});

export type Region = Readonly<z.infer<typeof regionSchema>>;
