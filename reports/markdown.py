"""Lines of Markdown tables."""


def table_head(heads):
    return [table_row(heads), "|---" * len(heads) + "|"]


def table_row(cells):
    return f"| {' | '.join(cells)} |"
