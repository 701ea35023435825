"""Training on several devices: all GPUs of a machine, or the workers that TF_CONFIG names.

    python train_val.py ...                                 one device, or all GPUs there are
    python -m training.launch_workers --workers=2 train_val.py ...   local processes
    TF_CONFIG='{"cluster": {"worker": ["host0:2222", "host1:2222"]},
                "task": {"type": "worker", "index": 0}}' python train_val.py ...   on each machine

Each replica (device) loads and encodes an equal share of a batch's rows; the features are gathered,
so that every replica has the loss over the negatives of the whole batch; batch normalisation takes
its statistics from all (nets/batch_norm.py). So N devices compute what one does, but for rounding
and dropout. Only the chief, worker 0, writes and speaks; all workers read the run's folder.
"""

import contextlib
import json
import os

import tensorflow as tf

from command_line.errors import InputError
from training.memory import keep_freed_memory


@contextlib.contextmanager
def all_devices():
    """Within it, a run trains on every device there is. Errors aside, only the chief speaks.

    Has to be entered before anything is computed: TensorFlow forms a cluster only then.
    Raises InputError when another worker is gone."""
    keep_freed_memory()
    with contextlib.ExitStack() as stack:
        stack.enter_context(choose_strategy().scope())
        if not is_chief():
            silence = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stdout(silence))
            stack.enter_context(contextlib.redirect_stderr(silence))
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError):
            if not in_cluster():
                raise
            raise InputError(
                "another worker is gone; start all again, and they go on from the last checkpoint"
            ) from None


def choose_strategy():
    """MultiWorkerMirroredStrategy with TF_CONFIG, MirroredStrategy with several GPUs, otherwise
    TensorFlow's default, which changes nothing."""
    if os.environ.get("TF_CONFIG"):
        try:
            told = json.loads(os.environ["TF_CONFIG"])
            ((job, hosts),), task = told["cluster"].items(), told["task"]
            if not job == task["type"] == "worker" or not 0 <= int(task["index"]) < len(hosts):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            wrong = "TF_CONFIG: not JSON with cluster.worker alone and one's task"
            raise InputError(wrong, 2) from None
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def replicas():
    """Number of devices that share a batch."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def in_cluster():
    """Whether other processes train with this one."""
    return isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)


def is_chief():
    """Whether this process writes the run's files: worker 0, or the only process."""
    return not in_cluster() or tf.distribute.get_strategy().cluster_resolver.task_id == 0


def check_devices(batch_size, xla):
    """Raises InputError for a batch that can't be shared equally, and for XLA on several devices,
    which TensorFlow can't compile together."""
    if batch_size % (count := replicas()):
        wrong = f"can't be shared equally by {count} devices"
        raise InputError(f"--batch_size={batch_size}: {wrong}", 2)
    if xla and count > 1:
        raise InputError(f"--xla=True: not on {count} devices, only on one", 2)


def rows_of_process(context, batch_size):
    """Which rows of a batch the replicas of this process take: a slice for each.

    context: tf.distribute.InputContext."""
    size = batch_size // context.num_replicas_in_sync
    local = context.num_replicas_in_sync // context.num_input_pipelines
    first = context.input_pipeline_id * local
    return [slice(part * size, (part + 1) * size) for part in range(first, first + local)]


def own_copy(value):
    """A variable that every replica updates by itself, all alike."""
    each, first = tf.VariableSynchronization.ON_READ, tf.VariableAggregation.ONLY_FIRST_REPLICA
    return tf.Variable(value, synchronization=each, aggregation=first)


def replica_id():
    """Number of this replica, int32; within a replica's update."""
    return tf.distribute.get_replica_context().replica_id_in_sync_group


def gather_rows(part):
    """Rows [B / replicas, ...] of each replica -> those of the whole batch [B, ...], in order.

    Differentiable: the gradients that the replicas have for a row are summed. all_gather fails
    under MultiWorkerMirroredStrategy on CPU, so each adds its part to the others' zeros."""
    if replicas() == 1:
        return part
    parts = tf.scatter_nd([[replica_id()]], part[None], [replicas(), *part.shape])
    parts = tf.distribute.get_replica_context().all_reduce("SUM", parts)
    return tf.reshape(parts, [-1, *part.shape[1:]])


def share_overflow(gradients):
    """{name: gradient}, all nan on every replica if one of them has a value that is not finite:
    an optimizer that scales the loss leaves such an update out, and all replicas have to."""
    if replicas() == 1:
        return gradients
    gradients = {name: tf.convert_to_tensor(gradient) for name, gradient in gradients.items()}
    zero_or_nan = tf.add_n([tf.reduce_sum(0 * gradient) for gradient in gradients.values()])
    zero_or_nan = tf.distribute.get_replica_context().all_reduce("SUM", zero_or_nan)
    return {name: gradient + zero_or_nan for name, gradient in gradients.items()}


def on_all_replicas(function):
    """function(a replica's batch) -> list, the same from each, as function(all their batches)."""
    strategy = tf.distribute.get_strategy()

    def run(batches):
        results = strategy.run(function, args=(batches,))
        return [strategy.experimental_local_results(result)[0] for result in results]

    return run


def of_all_processes(number):
    """The integers that the processes give, a set. Every process has to ask; none gets an answer
    before all have asked."""
    if not in_cluster():
        return {number}
    return set(_gather_numbers(tf.constant([number], tf.int64)).numpy().tolist())


@tf.function(autograph=False)
def _gather_numbers(own):
    (gathered,) = on_all_replicas(lambda own: [gather_rows(own)])(own)
    return gathered
