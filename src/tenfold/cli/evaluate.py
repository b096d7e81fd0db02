"""`tenfold evaluate`: how well a model reads a labelled set."""

from tenfold.cli.downloads import fetching
from tenfold.cli.options import Json, ModelArgument, Offline, On, Threads
from tenfold.cli.output import accuracy, emit, message, percent, result


def evaluate(
    model: ModelArgument = None,
    on: On = "mnist",
    threads: Threads = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Measure a model on a labelled set.

    Accuracy with its 95 % interval over images, calibration, and the share of answers that are sure. For a
    labels.csv of texts (file,digits): the share of whole texts that are right, and the digits wrong.
    """
    from tenfold import runs
    from tenfold.harness.records.kept import keep_evaluation
    from tenfold.runs.opening import flattered

    with fetching(offline) as store:
        found = runs.evaluate(model, on, threads=threads, store=store)
    if "accuracy" in found:
        keep_evaluation(model, on, found)
    if learnt := found.get("trained_on"):
        message(flattered(learnt, found["count"], found["on"]))
    if json:
        emit(found)
        return
    if "exact" in found:
        low, high = found["interval"]
        interval = f"95 % interval {100 * low:.2f} to {100 * high:.2f}"
        result(f"{found['on']}: {percent(found['exact'])} of {found['count']:,} texts right ({interval})")
        result(f"digit error rate: {percent(found['digit_error_rate'])} of {found['digits']:,} digits")
        return
    result(f"{found['on']}: {accuracy(found)}")
    result(f"calibration: NLL {found['nll']:.4f}, ECE {percent(found['ece'])}")
    if found.get("accuracy_accepted") is not None:
        result(
            f"sure of {percent(found['accepted'])}; right on {percent(found['accuracy_accepted'])} of them"
        )
