"""LSTM that trains faster: the kernels' gradients are one product each.

Keras' loop adds a gradient of both whole kernels at every step: 6 % of a ResNet update for
captions of 12 words, and TensorFlow sums them by way of zeros and assignments. Here the input's
product is made for all steps before the loop, and the loop back only gathers what the gates'
sums changed.
"""

import keras
from keras import ops


class LSTM(keras.layers.LSTM):
    """Keras' LSTM with its weights and, but for rounding, its numbers; on a GPU and outside
    training it is Keras' own. Without mask, dropout or another activation."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """sequences: [B, T, D] -> last output [B, units], all [B, T, units], states."""
        if not training or keras.distribution.list_devices("gpu"):  # there cuDNN is faster
            return super().inner_loop(sequences, initial_state, mask, training)
        cell, size = self.cell, ops.shape(sequences)
        words = ops.reshape(ops.transpose(sequences, (1, 0, 2)), (-1, sequences.shape[-1]))
        sums = ops.matmul(words, cell.kernel) + cell.bias
        sums = ops.reshape(sums, (size[1], size[0], 4 * self.units))  # [T, B, 4 units]
        kernel = ops.cast(cell.recurrent_kernel, sums.dtype)
        outputs, carries = lstm_steps(sums, kernel, *initial_state)
        return outputs[-1], ops.transpose(outputs, (1, 0, 2)), [outputs[-1], carries[-1]]


@ops.custom_gradient
def lstm_steps(sums, kernel, output, carry):
    """sums: [T, B, 4 units], of bias and input for the gates i, f, c, o. kernel: [units, 4 units],
    the recurrent one. output, carry: [B, units], before the first step. -> those of all steps,
    [T, B, units] each."""
    # Over numbers of steps: Keras' scan fails for more than one input of unknown length. What it
    # keeps of a step has to have the form of what it hands on, so the gates are handed on too.
    steps = ops.arange(ops.shape(sums)[0])

    def forward(state, t):
        output, carry, _ = state
        state = _step(sums[t], kernel, output, carry)
        return state, state

    start = output, carry, ops.zeros_like(sums[0])
    _, (outputs, carries, gates) = ops.scan(forward, start, steps)

    def gradient(of_outputs, of_carries):
        outputs_before = ops.concatenate([output[None], outputs[:-1]])
        carries_before = ops.concatenate([carry[None], carries[:-1]])

        def back(state, t):
            of_output, of_carry, _ = state
            of_output, of_carry = of_output + of_outputs[t], of_carry + of_carries[t]
            state = _step_back(kernel, of_output, of_carry, carries_before[t], carries[t], gates[t])
            return state, state

        end = ops.zeros_like(output), ops.zeros_like(carry), ops.zeros_like(sums[0])
        (of_output, of_carry, _), (_, _, of_sums) = ops.scan(back, end, steps, reverse=True)
        size = kernel.shape
        of_kernel = ops.matmul(
            ops.transpose(ops.reshape(outputs_before, (-1, size[0]))),
            ops.reshape(of_sums, (-1, size[1])),
        )
        return of_sums, of_kernel, of_output, of_carry

    return (outputs, carries), gradient


def _step(of_input, kernel, output, carry):
    """-> output, carry and the gates' values, [B, 4 units], after one step."""
    i, f, c, o = ops.split(of_input + ops.matmul(output, kernel), 4, axis=1)
    i, f, c, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(c), ops.sigmoid(o)
    carry = f * carry + i * c
    return o * ops.tanh(carry), carry, ops.concatenate([i, f, c, o], axis=1)


def _step_back(kernel, of_output, of_carry, before, carry, gates):
    """Gradients of a step's output and carry -> of the output and the carry (`before`) that it
    began with, and of its sums."""
    i, f, c, o = ops.split(gates, 4, axis=1)
    seen = ops.tanh(carry)
    of_carry = of_carry + of_output * o * (1 - seen * seen)
    of_sums = ops.concatenate(
        [
            of_carry * c * i * (1 - i),
            of_carry * before * f * (1 - f),
            of_carry * i * (1 - c * c),
            of_output * seen * o * (1 - o),
        ],
        axis=1,
    )
    return ops.matmul(of_sums, ops.transpose(kernel)), of_carry * f, of_sums
