"""What happens to a world between two runs, drawn at random."""

from tests.simulation.world import DAY, HOUR, MINUTE, NOTHING, World

SKEWS = [NOTHING, -HOUR, HOUR, -10 * MINUTE, 30 * HOUR, -30 * HOUR]


def time_passes(world: World) -> str:
    """Let some time pass, or very much; return what happened."""
    random, keeps = world.random, world.setup.source_keeps
    usual = [NOTHING, MINUTE, HOUR * random.random(), HOUR, 12 * HOUR * random.random(), DAY]
    span = random.choice(usual)
    if random.random() < 0.08:
        span = keeps * random.choice([0.5, 0.9, 1.0, 1.2, 1.7])  # an outage
    rows = random.choice([0, 1, 3, 6])
    world.passes(world.on_grid(span), rows)
    if random.random() < 0.12:
        world.jumps(random.choice(SKEWS))
    if random.random() < 0.1:
        world.target_skew = random.choice([NOTHING, -DAY, HOUR])
    if random.random() < 0.3:
        world.trim()
    if random.random() < 0.01:
        world.forget()
    return f"{span} with {rows} rows, skew {world.skew}"


def a_moment_passes(world: World) -> str:
    """Let a little time pass in a run, or none."""
    if world.random.random() < 0.7:
        return ""
    world.passes(world.on_grid(20 * MINUTE), world.random.randint(0, 2))
    return "meanwhile"
