import type { TimersJob, TimersReport } from './job.ts';

export function patternOf(index: number, period: number): string;
export function beginning(period: number, within?: number): number;
export class Watch {
	constructor(job: Pick<TimersJob, 'schedules' | 'period' | 'seconds'>, from: number);
	fired(index: number, nominal?: number): void;
	readonly complete: boolean;
	over(seconds: number, patience?: number): Promise<void>;
	report(): TimersReport;
}
