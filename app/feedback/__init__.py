"""What comes back from firms and judges: feedback, opt-outs, gradings, pools, the funnel."""
