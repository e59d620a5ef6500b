import type { SvgElement } from '../shared/chart/svg.ts';
import { LINE, SOFT } from '../shared/report/charts.ts';
import type { Theme } from '../shared/report/theme.ts';
import { Html, markup } from './template.ts';

export interface PictureOptions {
	/** Of the document: pictures define clips and gradients by name. */
	number: number;
	title: string;
	theme: Theme;
}

/** A picture in the page: elements and attributes of a closed set, values escaped. */
export function pictureMarkup(picture: SvgElement, options: PictureOptions): Html {
	const { ink, accent } = options.theme;
	// the page's own colours follow it into the dark
	const colours = new Map([
		[ink, '--ink'],
		[SOFT, '--soft'],
		[LINE, '--line'],
		[accent, '--accent'],
	]);
	const prefix = `c${options.number}-`;

	function attributesOf(attributes: SvgElement['attributes']): Html[] {
		const styles: string[] = [];
		const own = Object.entries(attributes).flatMap(([name, value]) => {
			const variable = name === 'fill' || name === 'stroke' ? colours.get(value) : undefined;
			if (variable !== undefined) {
				styles.push(`${name}:var(${variable})`);
				return [];
			}
			const named =
				name === 'id' ? prefix + value : value.replace(/^url\(#(.*)\)$/, `url(#${prefix}$1)`);
			return [markup` ${Html.trusted(name)}="${named}"`];
		});
		return styles.length === 0 ? own : [...own, markup` style="${styles.join(';')}"`];
	}

	function element({ name, attributes, children }: SvgElement): Html {
		const tag = Html.trusted(name);
		const own = attributesOf(attributes);
		const inner = children.map((child) => (typeof child === 'string' ? child : element(child)));
		return inner.length === 0 ? markup`<${tag}${own}/>` : markup`<${tag}${own}>${inner}</${tag}>`;
	}

	const { width = '0', height = '0' } = picture.attributes;
	const inner = picture.children.map((child) =>
		typeof child === 'string' ? child : element(child),
	);
	return markup`<svg role="img" aria-label="${options.title}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${inner}</svg>
`;
}
