/** Of one node, and of what nodes measured in a round: whatever they call it, everybody keeps it. */
export const MOST_METRICS = 32;
