/* The letters that give JSON its structure. Source: RFC 8259, section 2. */

export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const COMMA = 0x2c
export const COLON = 0x3a
export const BRACE = 0x7b
export const END_BRACE = 0x7d
export const BRACKET = 0x5b
export const END_BRACKET = 0x5d
