/** Each figure as the average of itself and those before it, at most `over` of them. */
export function smooth(figures: readonly number[], over: number): number[] {
  let sum = 0
  return figures.map((figure, i) => {
    sum += figure - (i >= over ? figures[i - over]! : 0)
    return sum / Math.min(i + 1, over)
  })
}
