"""Two hosts on a cable, from Python: run a program on one, and look at what it printed."""

from netarium import Lab

with Lab("two-hosts-example") as lab:
    a, b = lab.node("a", "10.0.0.1/24"), lab.node("b", "10.0.0.2/24")
    lab.link(a, b)
    lab.up()
    print(a.run("ping -c1 10.0.0.2").stdout)
