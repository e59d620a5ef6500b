import {createPdfFormat} from '/work/wt-g/engine/formats/pdf/index.ts';
import {generatedInput} from '/work/wt-g/test/support/format-input.ts';
const N=100000; const big=generatedInput(N,(i)=>({id:i,name:`Customer ${i%997}`,city:['Berlin','São Paulo','Kraków','Zürich'][i%4],amount:(i*37%100000)/100,qty:i%50,active:i%3===0,date:`2026-${String(i%12+1).padStart(2,'0')}-${String(i%28+1).padStart(2,'0')}`,note:i%5===0?'said "no", and left':null} as any));
const F=createPdfFormat(); const t=performance.now(); let n=0; for await (const c of F.render(big,F.options.parse({}))) n+=c.length; console.log('ms',(performance.now()-t)|0,'bytes',n,'maxrss MB',(process.resourceUsage().maxRSS/1024)|0);
