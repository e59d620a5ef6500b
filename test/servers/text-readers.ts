import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { pythonEnv } from './python-env.ts';

const execute = promisify(execFile);

const PACKAGES = ['PyYAML==6.0.3', 'wcwidth==0.9.4'];

/** At first use the packages are fetched. */
export const install = (): Promise<string> => pythonEnv('texts', PACKAGES);

/** Runs a program that reads a file; what it prints is JSON. @throws with what it wrote to stderr */
async function askPython<T>(program: string, ...parameters: readonly string[]): Promise<T> {
	const programs = await install();
	const { stdout, stderr } = await execute(
		`${programs}/python`,
		['-X', 'utf8', '-W', 'error', '-c', TREE + program, ...parameters],
		{ maxBuffer: 500_000_000 },
	);
	if (stderr !== '') throw new Error(stderr);
	return JSON.parse(stdout) as T;
}

/** `tree(value)`: what JSON can say of a value, each number as text, so that no digit is lost on the way. */
const TREE = `
import json, math, sys
class Digits(str): pass
class Pairs(list): pass
def tree(value):
    if isinstance(value, Digits): return {"number": str(value)}
    if isinstance(value, Pairs): return {"object": [[key, tree(item)] for key, item in value]}
    if isinstance(value, bool) or value is None or isinstance(value, str): return value
    if isinstance(value, int): return {"number": str(value)}
    if isinstance(value, float): return {"number": ("inf" if value > 0 else "-inf") if math.isinf(value) else float.hex(value)}
    if isinstance(value, dict): return {"object": [[key, tree(item)] for key, item in value.items()]}
    if isinstance(value, list): return [tree(item) for item in value]
    raise TypeError(repr(value))
def text_of(path):
    with open(path, encoding='utf-8', newline='') as file: return file.read()
def exact(text):
    return json.loads(text, parse_int=Digits, parse_float=Digits, object_pairs_hook=Pairs)
`;

export const readJson = (file: string): Promise<unknown> =>
	askPython(`print(json.dumps(tree(exact(text_of(sys.argv[1])))))`, file);

export const readNdjson = (file: string): Promise<unknown> =>
	askPython(
		`
text = text_of(sys.argv[1]).encode()
assert text == b'' or text.endswith(b'\\n')
print(json.dumps([tree(exact(line.decode())) for line in text.split(b'\\n')[:-1]]))
`,
		file,
	);

/** By the reader in Python, which takes halves of characters; the one in C has to take the rest of it too. */
export const readYaml = (file: string): Promise<unknown> =>
	askPython(
		`
import re, yaml
text = text_of(sys.argv[1])
value = yaml.load(text, Loader=yaml.SafeLoader)
whole = re.sub(r'\\\\ud[89a-f][0-9a-f]{2}', r'\\\\ufffd', text)
assert len(yaml.load(whole, Loader=yaml.CSafeLoader)) == len(value)
print(json.dumps(tree(value)))
`,
		file,
	);

/** Of each row its cells: the name, also where it stands in an attribute, and the text. */
export const readXml = (file: string): Promise<[string, string][][]> =>
	askPython(
		`
import xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
print(json.dumps([[[cell.get('name', cell.tag), ''.join(cell.itertext())] for cell in row] for row in root]))
`,
		file,
	);

/** The cells of the only table, \`<br>\` as a line feed, and the kinds of elements that there are. */
export const readHtmlTable = (file: string): Promise<{ elements: string[]; rows: string[][] }> =>
	askPython(
		`
from html.parser import HTMLParser
class Table(HTMLParser):
    elements, rows, inside = set(), [], False
    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        if tag == 'tr': self.rows.append([])
        if tag in ('td', 'th'): self.rows[-1].append(''); self.inside = True
        if tag == 'br' and self.inside: self.rows[-1][-1] += '\\n'
    def handle_endtag(self, tag):
        if tag in ('td', 'th'): self.inside = False
    def handle_data(self, data):
        if self.inside: self.rows[-1][-1] += data
table = Table()
table.feed(text_of(sys.argv[1]))
table.close()
print(json.dumps({'elements': sorted(table.elements), 'rows': table.rows}))
`,
		file,
	);

export const readCsv = (
	file: string,
	{ delimiter = ',', bom = false }: { delimiter?: string; bom?: boolean },
): Promise<string[][]> =>
	askPython(
		`
import csv
csv.field_size_limit(10 ** 9)
with open(sys.argv[1], newline='', encoding=sys.argv[3]) as file:
    print(json.dumps(list(csv.reader(file, delimiter=sys.argv[2], strict=True))))
`,
		file,
		delimiter,
		bom ? 'utf-8-sig' : 'utf-8',
	);

/** Cuts every line where the rule below the head has its crossings, by columns of a terminal. Rows are numbered. */
export const readTextTable = (file: string): Promise<string[][]> =>
	askPython(
		`
from wcwidth import iter_graphemes, wcswidth
lines = text_of(sys.argv[1]).split('\\n')[:-1]
lines = [line for line in lines if line[:1] not in '┌└']
rule = next(at for at, line in enumerate(lines) if set(line) <= set('├─┼┤-+'))
ends = [at for at, letter in enumerate(lines[rule]) if letter in '┼+├┤']
starts = [end + 1 for end in ends if lines[rule][end] != '┤']
if lines[rule][0] not in '├': starts.insert(0, 0)
def cut(line):
    cells, column = ['' for _ in starts], 0
    for grapheme in iter_graphemes(line):
        at = max(index for index, start in enumerate(starts) if start <= column + 1)
        if column not in ends: cells[at] += grapheme
        column += wcswidth(grapheme)
    return [cell.strip(' ') for cell in cells]
rows = []
for at, line in enumerate(lines):
    if at == rule: continue
    cells = cut(line)
    if cells[0] != '': rows.append(cells)
    else: rows[-1] = [before + '\\n' + more for before, more in zip(rows[-1], cells)]
print(json.dumps([[cell.strip() for cell in row] for row in rows]))
`,
		file,
	);

/** `float.hex` of Python. */
export function hexOf(value: number): string {
	if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
	const view = new DataView(new ArrayBuffer(8));
	view.setFloat64(0, value);
	const bits = view.getBigUint64(0);
	const sign = bits >> 63n === 1n ? '-' : '';
	const exponent = Number((bits >> 52n) & 0x7ffn);
	const fraction = bits & 0xfffffffffffffn;
	if (exponent === 0 && fraction === 0n) return `${sign}0x0.0p+0`;
	const mantissa = fraction.toString(16).padStart(13, '0');
	const power = exponent === 0 ? -1022 : exponent - 1023;
	return `${sign}0x${exponent === 0 ? 0 : 1}.${mantissa}p${power < 0 ? '' : '+'}${power}`;
}
