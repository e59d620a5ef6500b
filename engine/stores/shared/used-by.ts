/** How many of the schedules that stand in the way of a deletion are named. */
export const USED_BY_LIMIT = 20;
