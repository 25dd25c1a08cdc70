"""The terms that a newcomer meets on a page, explained once.

The page of the documentation is written from here: `python -m genloss.report.glossary > docs/reference/glossary.md`.
"""

import sys

GLOSSARY = {
    "generation": "One round of training. Generation 0 is trained on real data; generation t is trained on data that "
    "may contain the output of generation t - 1.",
    "chain": "A recursive training from generation 0 on: real data, a model family, and a rule for what each "
    "generation is trained on.",
    "pool": "All the data that are kept when a generation is trained. A curator may choose a part of it.",
    "regime": "The rule for what enters the pool: replace the data by the last model's output, accumulate everything, "
    "mix in real data, and so on.",
    "fresh real data": "New real rows, drawn for every generation and used once.",
    "fixed real data": "The same real rows in every generation.",
    "control": "A chain that no model's output enters: every generation is trained on fresh real data. What a control "
    "loses, it loses to sampling noise, so other chains are compared with it.",
    "curator": "The choice of rows from the pool that a generation is trained on: a quality filter, a subsample, a "
    "detector of synthetic text.",
    "metric and probe": "A metric is a function that measures something, such as a variance. A probe is a metric "
    "applied to the model of every generation of a chain.",
    "tails and spread": "The rare part of a distribution, and how wide it is. Early collapse: the tails go while "
    "averages may even improve. Late collapse: the spread goes, too.",
    "stage": "The verdict on a chain: no collapse, early collapse, late collapse, or undecided if the run could not "
    "have shown a loss.",
    "band": "One part of what a probe measures: words of similar frequency, one class, one side of a distribution. "
    "Also the shaded range around a line, which holds the middle 80% of the replicates.",
    "replicate": "An independent repetition of the same chain with other random numbers.",
    "engine": "How data are drawn: `rows` draws every row; `exact` draws the sufficient statistic of n rows, which "
    "costs the same for any n.",
    "film": "Samples from the model of every generation, kept to be looked at.",
    "ledger": "The list of all laws, published errors and claims, each with its prediction, its measurement in "
    "simulation and the verdict.",
}
"""Terms in the order in which they build on each other."""


def markdown() -> str:
    """Write the page of the documentation."""
    lines = [
        "# Glossary",
        "",
        "Written by `python -m genloss.report.glossary`. The same list stands at the end of every report.",
        "",
    ]
    for term, text in GLOSSARY.items():
        lines += [f"**{term[:1].upper()}{term[1:]}.** {text}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(markdown())
