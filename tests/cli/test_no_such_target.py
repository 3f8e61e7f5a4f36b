"""What is neither a recipe nor a package with facts is told apart from what is named by a flag."""

CPU = ["--gpu", "none", "--python", "3.12", "--glibc", "2.35", "--platform", "linux_x86_64"]


def test_a_package_without_facts_is_not_only_called_no_recipe(index):
    done = index.run("explain", "tensorflow", *CPU)
    assert done.returncode == 2
    assert "no facts about a package of that name" in done.stderr


def test_a_python_as_a_target_points_to_the_flag(index):
    done = index.run("explain", "python==3.11", *CPU)
    assert done.returncode == 2
    assert "`--python 3.12`" in done.stderr
