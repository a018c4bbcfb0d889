"""
The charts: the states and events of each kind of record that has any, and the rules of each step.

A module has the charts of one noun or capability, so that who does not use it loads neither its
charts nor its rules. `counterseal.kinds` names the chart of each kind.
"""
