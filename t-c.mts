import {drawChart} from './engine/formats/shared/chart/draw.ts'; import fs from 'node:fs';
const look={width:500,height:200,accent:'#0b6e5f',ink:'#1b1f24',soft:'#59636e',line:'#e3e7eb'};
for (const [i,spec] of ([{mark:'bar',encoding:{x:{field:'a',type:'nominal'},y:{field:'b',type:'quantitative'}}},{mark:'line',encoding:{x:{field:'d',type:'temporal'},y:{field:'b',type:'quantitative'}}},{mark:'rect',encoding:{x:{field:'a',type:'nominal'},y:{field:'d',type:'ordinal',timeUnit:'month'},color:{field:'b',type:'quantitative'}}},{data:{url:'file:///etc/passwd'},mark:'bar',encoding:{x:{field:'a'}}},{mark:'point',transform:[{calculate:'random()*now()',as:'z'}],encoding:{x:{field:'z',type:'quantitative'}}}] as any[]).entries()){
 const t=performance.now(); const r:any=await drawChart({spec,rows:[{a:'x',b:3,d:'2026-01-01'},{a:'y<>&',b:-5,d:'2026-02-01'},{a:'zz',b:9,d:'2026-03-01'}],now:Date.parse('2026-11-23T08:00:00Z'),look},{timeZone:'America/New_York'});
 console.log((performance.now()-t|0)+'ms', r.error ?? JSON.stringify(r.picture).slice(0,1500));
}
