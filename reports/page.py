"""The retrieval page: one HTML file with its pictures inside, for any browser, without scripts."""

import base64
import io
from html import escape

THUMBNAIL = 220  # pixels
STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1b1b1b, #ececec);
  --muted: light-dark(#666, #a0a0a0); --paper: light-dark(#fff, #161616);
  --tile: light-dark(#f3f3f3, #242424); --hit: light-dark(#12833a, #3ecf72); }
body { margin: 2rem auto; padding: 0 1.5rem; max-width: 1500px; background: var(--paper);
  color: var(--ink); font: 16px/1.45 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.6rem; }
h2 { margin: 2.5rem 0 0; font-size: 1.2rem; }
h2 small, .about, figcaption { color: var(--muted); font-weight: normal; }
article { display: grid; grid-template-columns: 170px minmax(150px, 230px) 1fr 170px; gap: 1.2rem;
  padding: 1.2rem 0; border-bottom: 1px solid var(--tile); }
.answer { display: grid; grid-template-columns: repeat(5, 1fr); gap: .8rem; }
blockquote { margin: 0; font-size: 1.15rem; overflow-wrap: anywhere; }
figure { margin: 0; min-width: 0; }
figure img, figure .none { width: 100%; aspect-ratio: 1; object-fit: contain;
  background: var(--tile); display: block; border-radius: 3px; }
figure .none { display: grid; place-items: center; color: var(--muted); font-size: .8rem; }
figcaption { font-size: .8rem; margin-top: .3rem; overflow-wrap: anywhere; }
.hit img, .hit .none { outline: 4px solid var(--hit); }
.hit figcaption { color: var(--hit); font-weight: 600; margin-top: .45rem; }
@media (max-width: 900px) { article { grid-template-columns: 130px 1fr 130px; }
  .answer { grid-column: 1 / -1; grid-row: 2; } }
@media print { article { break-inside: avoid; } }
"""


def figure(examples, name, label, hit=False):
    picture, text = examples.picture(name, THUMBNAIL), escape(name, quote=True)
    inside = '<div class="none">no file</div>'
    if picture:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=88)
        data = base64.b64encode(buffer.getvalue()).decode()
        inside = f'<img src="data:image/jpeg;base64,{data}" alt="{text}">'
    kind = ' class="hit"' if hit else ""
    return f'<figure{kind} title="{text}">{inside}<figcaption>{escape(label)}</figcaption></figure>'


def article(examples, one):
    """Lines of one query."""
    yield "<article>"
    yield figure(examples, one.reference, "reference")
    yield f"<blockquote>“{escape(one.caption)}”</blockquote>"
    yield '<div class="answer">'
    for rank, (name, distance, correct) in enumerate(one.top, 1):
        label = f"{rank}{' ✓' if correct else ''} · {distance:.3f}"
        yield figure(examples, name, label, correct)
    yield "</div>"
    yield figure(examples, one.target, one.rank_label)
    yield "</article>"


def page_lines(examples):
    """Lines of the whole page."""
    title = escape(examples.title)
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>"
    yield f'<h1>{title}</h1>\n<p class="about">{escape(examples.subtitle)}<br>'
    yield (
        "Each row: reference image, relative caption, the nearest gallery images with squared "
        "L2 (correct ones framed), the target. Queries are evenly spaced in released order.</p>"
    )
    for group in examples.groups:
        yield f"<h2>{escape(group.title)} <small>{group.share:.1f} % of the queries</small></h2>"
        if not group.examples:
            yield '<p class="about">none</p>'
        for one in group.examples:
            yield from article(examples, one)
    yield "</body>\n</html>"
