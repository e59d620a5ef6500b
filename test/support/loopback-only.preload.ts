import { stayOnLoopback } from './loopback-only.ts';

// `node --import` of this file keeps the whole process on loopback
stayOnLoopback();
