/**
 * Tokens that attention on the CPU takes together: 64 to 128 is fastest for prompts, 32 to 64 for decodes (docs/decisions/0033).
 */
export const usualTileSize = 64;
