/** A point on Earth, in degrees. */
export interface Coordinates {
  readonly latitude: number;
  readonly longitude: number;
}

/** Mean radius, IUGG. */
const earthRadiusKm = 6371.0088;

/**
 * Distance over the sphere by the haversine formula, which stays exact for points close together.
 * Source: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984).
 */
export function greatCircleKm(from: Coordinates, to: Coordinates): number {
  const halfLatitude = radians(to.latitude - from.latitude) / 2;
  const halfLongitude = radians(to.longitude - from.longitude) / 2;
  const haversine =
    Math.sin(halfLatitude) ** 2 +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * Math.sin(halfLongitude) ** 2;
  // Rounding can lift the haversine of antipodes just above 1.
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(haversine)));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
