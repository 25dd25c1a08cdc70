"""The papers that laws come from, in full, for citation."""

import re
from collections.abc import Iterable

PAPERS: dict[str, str] = {
    "1805.04833": "Fan, Lewis and Dauphin 2018. Hierarchical neural story generation. ACL. arXiv:1805.04833",
    "2305.17493": "Shumailov, Shumaylov, Zhao, Papernot, Anderson and Gal 2024. AI models collapse when trained on "
    "recursively generated data. Nature 631, 755-759. arXiv:2305.17493",
    "2307.01850": "Alemohammad et al. 2024. Self-consuming generative models go MAD. ICLR. arXiv:2307.01850",
    "2310.00429": "Bertrand, Bose, Duplessis, Jiralerspong and Gidel 2024. On the stability of iterative retraining "
    "of generative models on their own data. ICLR. arXiv:2310.00429",
    "2402.07043": "Dohmatob, Feng, Yang, Charton and Kempe 2024. A tale of tails: model collapse as a change of "
    "scaling laws. ICML. arXiv:2402.07043",
    "2402.07712": "Dohmatob, Feng and Kempe 2024. Model collapse demystified: the case of regression. NeurIPS. "
    "arXiv:2402.07712",
    "2403.07857": "Wyllie, Shumailov and Papernot 2024. Fairness feedback loops: training on synthetic data amplifies "
    "bias. FAccT. arXiv:2403.07857",
    "2404.01413": "Gerstgrasser et al. 2024. Is model collapse inevitable? Breaking the curse of recursion by "
    "accumulating real and synthetic data. arXiv:2404.01413",
    "2404.05090": "Seddik, Chen, Hayou, Youssef and Debbah 2024. How bad is training on synthetic data? A statistical "
    "analysis of language model collapse. arXiv:2404.05090",
    "2406.07515": "Feng, Dohmatob, Yang, Charton and Kempe 2024. Beyond model collapse: scaling up with synthesized "
    "data requires verification. arXiv:2406.07515",
    "2407.09499": "Ferbach, Bertrand, Bose and Gidel 2024. Self-consuming generative models with curated data provably "
    "optimize human preferences. NeurIPS. arXiv:2407.09499",
    "2410.04840": "Dohmatob, Feng, Subramonian and Kempe 2024. Strong model collapse. arXiv:2410.04840",
    "2410.16713": "Kazdan et al. 2024. Collapse or thrive? Perils and promises of synthetic data in a self-generating "
    "world. arXiv:2410.16713",
    "2410.22812": "Dey and Donoho 2024. Universality of the pi^2/6 pathway in avoiding model collapse. "
    "arXiv:2410.22812",
    "2412.17646": "Suresh, Thangaraj and Khandavally 2024. Rate of model collapse in recursive training. "
    "arXiv:2412.17646",
    "2502.15654": "Drayson, Yilmaz and Lampos 2025. Machine-generated text detection prevents language model collapse. "
    "arXiv:2502.15654",
    "2502.18049": "He, Xu and Cheng 2025. Golden ratio weighting prevents model collapse. arXiv:2502.18049",
    "2506.09401": "Borkar 2025. A theoretical basis for model collapse in recursive training. arXiv:2506.09401",
    "Gil-Pelaez 1951": "Gil-Pelaez 1951. Note on the inversion theorem. Biometrika 38, 481-482",
    "Kingman 1982": "Kingman 1982. The coalescent. Stochastic Processes and their Applications 13, 235-248",
    "Kolmogorov 1938": "Kolmogorov 1938. Zur Lösung einer biologischen Aufgabe. Tomsk 2, 1-12",
    "Madan and Seneta 1990": "Madan and Seneta 1990. The variance gamma (V.G.) model for share market returns. Journal "
    "of Business 63, 511-524",
    "Newman 1986": "Newman 1986. The distribution of Lyapunov exponents: exact results for random matrices. "
    "Communications in Mathematical Physics 103, 121-126",
    "Siegmund 1979": "Siegmund 1979. Corrected diffusion approximations in certain random walk problems. Advances in "
    "Applied Probability 11, 701-719",
    "Wright 1931": "Wright 1931. Evolution in Mendelian populations. Genetics 16, 97-159",
}
"""A paper in full by what a law's reference calls it: its arXiv number, or its authors and year."""

_SHORT = {"Shumailov et al. 2024": "2305.17493"}
_NAMES = re.compile("|".join(map(re.escape, [*PAPERS, *_SHORT])))
ARXIV = re.compile(r"\d{4}\.\d{4,5}")


def papers_of(reference: str) -> list[str]:
    """List the papers that a law's reference names, in full and each once; none for a derivation without one."""
    return [*dict.fromkeys(PAPERS[_SHORT.get(name, name)] for name in _NAMES.findall(reference))]


def bibliography(found: Iterable[tuple[str, str]]) -> list[str]:
    """Write references as lines: each paper once, with the probes that it speaks of; then what names no paper.

    Args:
        found: For each law its reference and its probe.
    """
    papers: dict[str, dict[str, None]] = {}
    others: dict[str, dict[str, None]] = {}
    for reference, probe in found:
        named = papers_of(reference)
        for paper in named:
            papers.setdefault(paper, {})[probe] = None
        if not named:
            others.setdefault(reference, {})[probe] = None
    return [f"{source}: {', '.join(probes)}" for group in (papers, others) for source, probes in group.items()]
