/** Time as a parameter: milliseconds since the epoch. In workerd it stands still between I/O, by design. */
export type Clock = () => number;
