"""A project with one small chapter of questions, one of every kind that is marked by tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentbook.teach import handout, source

STEM = "01-dimensionality-reduction"
SMALL = '''---
title: Small
needs: counting
---

Two questions that cost nothing.

```python setup
import numpy as np
```

## Twice

```yaml question
id: twice
kind: implement
level: 1
minutes: 5
points: 4
graded: true
objective: Multiply.
variants:
  factor: [2, 3, 5]
```

Return {{factor}} times a number; {eval}`7 * {{factor}}` for 7.

```python answer
def times(value):
    """Return a multiple."""
    # BEGIN SOLUTION
    return {{factor}} * value
    # END SOLUTION
```

```python check
assert times(0) == 0, "nothing stays nothing"
```

```python hidden 3
assert times(7) == 7 * {{factor}}, "times(7) is wrong"
```

```python hidden
assert np.allclose(times(np.arange(3)), solution.times(np.arange(3))), "arrays are wrong"
```

```python wrong adds
return {{factor}} + value
```

```python wrong forgets to multiply
return value
```

:::{discussion}
Secretly easy multiplication.
:::

## Which one?

```yaml question
id: which
kind: verdict
level: 1
minutes: 5
points: 2
graded: true
objective: Choose.
```

Which of them?

```python choices
secret_order = sorted([3, 1, 2])
choices = {"the first": secret_order[0] == 1, "the second": False, "the third": False}
```

## In words

```yaml question
id: words
kind: written
level: 1
minutes: 5
points: 2
graded: true
objective: Write.
rubric:
  "Says something": 2
```

Why?

:::{discussion}
Because it is so.
:::

## For practice

```yaml question
id: practice
kind: predict
level: 1
minutes: 5
points: 0
graded: false
objective: Practise.
```

What is one and one?

```python answer
# BEGIN SOLUTION
two = 1 + 1
print(f"it is {two}")
# END SOLUTION
```

:::{discussion}
It is {eval}`two`.
:::
'''


@pytest.fixture
def small(own_project: Path) -> Path:
    """Give the test a project whose only questions are the small ones; return their file."""
    file = own_project / "exercises" / f"{STEM}.md"
    file.parent.mkdir()
    file.write_text(SMALL)
    return file


@pytest.fixture
def assignment(small: Path) -> handout.Assignment:
    """Return the small chapter as an assignment."""
    return handout.assign(source.read(small))
