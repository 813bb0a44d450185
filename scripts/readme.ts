/**
 * Has relative links lead to a repository on GitHub, at a tag: npm shows the page where the files are not. Pictures come
 * as they are, all else as GitHub shows it; links within the page stay.
 */
export function withAbsoluteLinks(markdown: string, repository: string, tag: string): string {
  return markdown.replace(
    /(!?)(\[(?:[^\]]|\](?!\())*\])\(\.\/([^)\s]*)\)/g,
    (_, picture, text, path) => {
      const url = picture
        ? `https://raw.githubusercontent.com/${repository}/${tag}/${path}`
        : `https://github.com/${repository}/blob/${tag}/${path}`;
      return `${picture}${text}(${url})`;
    },
  );
}

/** The links of a page that lead to files beside it. */
export function relativeLinks(markdown: string): string[] {
  return Array.from(markdown.matchAll(/\]\((?!https?:|#)([^)]*)\)/g), ([, target]) => target!);
}
